import type { Criterion } from "@ocrslim/graph";
import { type ActivationScoreOptions, scoreInputs } from "./score-activations.ts";

/**
 * Scores a channel by the mean of |x| where its consumers read it (Molchanov et al. 2017, §2.2).
 * @category Criteria
 */
export function meanActivation(options: ActivationScoreOptions): Criterion {
  return scoreInputs("meanActivation", options, ({ statistics }) => statistics.meanAbsolute);
}
