import type { Criterion } from "@ocrslim/graph";
import { type ActivationScoreOptions, scoreInputs } from "./score-activations.ts";

/**
 * Scores a channel by how often it is not zero where its consumers read it: 1 − APoZ, the average
 * percentage of zeros (Hu et al. 2016, eq. 1). Says little after activations that are seldom exactly
 * 0, such as HardSwish.
 * @category Criteria
 */
export function apoz(options: ActivationScoreOptions): Criterion {
  return scoreInputs("apoz", options, ({ statistics }) =>
    statistics.zeroFraction.map((fraction) => 1 - fraction),
  );
}
