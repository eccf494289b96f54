import { TrainError } from "../errors.ts";
import { withL2 } from "./decay.ts";
import type { Optimizer, UpdateContext, UpdateResult } from "./optimizer.ts";
import { requireNumber } from "./require-number.ts";

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** Of the moving sum of gradients, [0, 1); 0: none is kept. Default: 0. */
  readonly momentum?: number;
  /** Whether to look ahead by one step of momentum (Sutskever et al. 2013). Default: false. */
  readonly nesterov?: boolean;
  /** Fraction of each gradient but the first that is left out of the sum, [0, 1]. Default: 0. */
  readonly dampening?: number;
  /** λ of λ·p in the gradient (L2), 0 or more. Default: 0. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent, with momentum or Nesterov's if asked for; the formulas of
 * torch.optim.SGD and, without dampening, of Paddle's Momentum:
 *
 *   g ← ∇ + λ·p,   b ← μ·b + (1 − dampening)·g  (b = g at first)
 *   p ← p − rate·b,   or p − rate·(g + μ·b) with Nesterov
 *
 * Keeps one vector if there is momentum, none otherwise.
 * @throws TrainError `invalid-option` if a number is out of range, or `nesterov` comes without
 *   momentum or with dampening.
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { momentum = 0, nesterov = false, dampening = 0, weightDecay = 0 } = options;
  requireNumber("sgd", "momentum", momentum, { atLeast: 0, lessThan: 1 });
  requireNumber("sgd", "dampening", dampening, { atLeast: 0, atMost: 1 });
  requireNumber("sgd", "weightDecay", weightDecay, { atLeast: 0 });
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw new TrainError(
      "invalid-option",
      `sgd: nesterov with momentum ${momentum} and dampening ${dampening}; it needs momentum and no dampening`,
    );
  }
  return {
    name: "sgd",
    slots: momentum === 0 ? [] : ["momentum"],
    settings: { momentum, nesterov, dampening, weightDecay },
    weightDecay,
    update: (context) => descend(context, { momentum, nesterov, dampening }),
  };
}

function descend(
  context: UpdateContext,
  { momentum, nesterov, dampening }: Required<Omit<SgdOptions, "weightDecay">>,
): UpdateResult {
  const { ops, parameters, learningRate, slots } = context;
  const gradient = withL2(context);
  const [buffer] = slots;
  if (!buffer) {
    return { parameters: ops.sub(parameters, ops.mul(gradient, learningRate)), slots: [] };
  }
  const share = (): ReturnType<typeof ops.where> =>
    ops.where(ops.greater(context.update, 1), 1 - dampening, 1);
  const fresh = dampening === 0 ? gradient : ops.mul(gradient, share());
  const sum = ops.add(ops.mul(buffer, momentum), fresh);
  const direction = nesterov ? ops.add(gradient, ops.mul(sum, momentum)) : sum;
  return { parameters: ops.sub(parameters, ops.mul(direction, learningRate)), slots: [sum] };
}
