import type { Value } from "@ocrslim/graph";
import { bernoulliKlDivergence } from "./kl-divergence.ts";
import type { Loss } from "./loss.ts";

/** Options of {@link mutualLearning}. */
export interface MutualLearningOptions {
  /** Names of two values, maps of probabilities of the same dims, such as `map` and `peer/map`. */
  readonly outputs: readonly [string, string];
}

/** Limits probabilities to [ε, 1 − ε]. */
const EPSILON = 1e-6;

/**
 * Two students that learn from each other (Zhang et al. 2018, "Deep Mutual Learning", equations 3 to
 * 6; a term of PaddleOCR's CML): the mean of KL(a ‖ b) and KL(b ‖ a) over pixels. Both stand in one
 * graph (`joinModels`) and both are trained. Reports `mutual`.
 */
export function mutualLearning({ outputs: [first, second] }: MutualLearningOptions): Loss {
  return ({ ops, value, report }) => {
    const [a, b] = [value(first), value(second)];
    const towards = (from: Value, to: Value): Value =>
      bernoulliKlDivergence(ops, from, to, { epsilon: EPSILON });
    const total = ops.mul(ops.add(towards(a, b), towards(b, a)), 0.5);
    report("mutual", total);
    return total;
  };
}
