import type { Criterion } from "@ocrslim/graph";
import { named } from "../named.ts";
import { sumOverInputs, weighConsumers } from "./consumer-norms.ts";
import {
  ACTIVATION_SCORE_DEFAULTS,
  type ActivationScoreOptions,
  createConsumersOf,
} from "./score-activations.ts";

/**
 * Scores a channel by ‖w‖₂ · ‖x‖₂, w being the weights that read it and ‖x‖₂ the root mean square of
 * what they read (Wanda, Sun et al. 2024, eq. 1, for whole channels). A mean instead of a sum, so
 * that consumers at different resolutions count alike.
 * @category Criteria
 */
export function wanda(options: ActivationScoreOptions): Criterion {
  const { statistics, reduce, normalize } = { ...ACTIVATION_SCORE_DEFAULTS, ...options };
  const consumersOf = createConsumersOf("wanda", statistics);
  return named("wanda", (group, context) => {
    const views = weighConsumers("wanda", group, consumersOf(group), context);
    const parts = views.map((view) =>
      sumOverInputs(view, group.width, ({ squares, statistics: { sumOfSquares, count } }, index) =>
        Math.sqrt(((squares[index] ?? 0) * (sumOfSquares[index] ?? 0)) / Math.max(1, count)),
      ),
    );
    return normalize(reduce(parts));
  });
}
