import { type AdamOptions, adamSettings, adamSlots, adamStep } from "./adam-moments.ts";
import { isDecayFree } from "./decay.ts";
import type { Optimizer } from "./optimizer.ts";

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2, as torch.optim.AdamW and
 * Paddle's AdamW have it): p ← p·(1 − rate·λ) − rate·m̂ / (√v̂ + ε). The decay is not a part of the
 * gradient. Default weight decay: 0.01. Keeps two vectors, three with `amsgrad`.
 * @throws TrainError `invalid-option` if a number is out of range.
 */
export function adamW(options: AdamOptions = {}): Optimizer {
  const settings = adamSettings("adamW", options, 0.01);
  return {
    name: "adamW",
    slots: adamSlots(settings),
    settings: { ...settings },
    weightDecay: settings.weightDecay,
    update(context) {
      const { ops, parameters, gradient, learningRate, weightDecay } = context;
      const { step, slots } = adamStep(context, gradient, settings);
      const kept = isDecayFree(context)
        ? parameters
        : ops.mul(parameters, ops.sub(1, ops.mul(learningRate, weightDecay)));
      return { parameters: ops.sub(kept, step), slots };
    },
  };
}
