import { type AdamOptions, adamSettings, adamSlots, adamStep } from "./adam-moments.ts";
import { withL2 } from "./decay.ts";
import type { Optimizer } from "./optimizer.ts";

/**
 * Adam (Kingma and Ba 2015, algorithm 1): p ← p − rate·m̂ / (√v̂ + ε). Weight decay is L2: λ·p is a
 * part of the gradient. The formulas of torch.optim.Adam and of Paddle's Adam, whose kernel adds
 * ε·√(1 − β₂ᵗ) to √v and so means the same ε. (TensorFlow's ε stands beside the uncorrected root, the
 * "ε̂" of the paper: for t → ∞ it is the same.) Keeps two vectors, three with `amsgrad`.
 * @throws TrainError `invalid-option` if a number is out of range.
 */
export function adam(options: AdamOptions = {}): Optimizer {
  const settings = adamSettings("adam", options, 0);
  return {
    name: "adam",
    slots: adamSlots(settings),
    settings: { ...settings },
    weightDecay: settings.weightDecay,
    update(context) {
      const { step, slots } = adamStep(context, withL2(context), settings);
      return { parameters: context.ops.sub(context.parameters, step), slots };
    },
  };
}
