import type { Criterion } from "@ocrslim/graph";
import { named } from "../named.ts";
import { sumOverInputs, weighConsumers } from "./consumer-norms.ts";
import { gaussian } from "./normalizations.ts";
import {
  ACTIVATION_SCORE_DEFAULTS,
  type ActivationScoreOptions,
  createConsumersOf,
} from "./score-activations.ts";

/**
 * Scores a channel by Var(x) · ‖w‖², how much what its consumers read fluctuates (FLAP, An et al.
 * 2024, eq. 5): a channel that hardly changes is replaced by its mean (see `compensateMeans`).
 * Default normalization: {@link gaussian}, the z-scores by which FLAP compares layers; with it,
 * scores may be negative.
 * @category Criteria
 */
export function flap(options: ActivationScoreOptions): Criterion {
  const { statistics, reduce, normalize } = {
    ...ACTIVATION_SCORE_DEFAULTS,
    normalize: gaussian,
    ...options,
  };
  const consumersOf = createConsumersOf("flap", statistics);
  return named("flap", (group, context) => {
    const views = weighConsumers("flap", group, consumersOf(group), context);
    const parts = views.map((view) =>
      sumOverInputs(
        view,
        group.width,
        ({ squares, statistics: { variance } }, index) =>
          (squares[index] ?? 0) * (variance[index] ?? 0),
      ),
    );
    return normalize(reduce(parts));
  });
}
