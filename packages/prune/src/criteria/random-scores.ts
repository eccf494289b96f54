import type { Criterion } from "@ocrslim/graph";
import { named } from "../named.ts";

/**
 * Scores channels at random, uniform in [0, 1), from the context's seeded generator: the baseline
 * that a criterion has to beat.
 * @category Criteria
 */
export function randomScores(): Criterion {
  return named("randomScores", (group, { random }) =>
    new Float64Array(group.width).map(() => random()),
  );
}
