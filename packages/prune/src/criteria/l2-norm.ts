import type { Criterion } from "@ocrslim/graph";
import { named } from "../named.ts";
import { WEIGHT_SCORE_DEFAULTS, type WeightScoreOptions } from "./options.ts";
import { selectWeights, squareSums, sumByChannel } from "./weight-members.ts";

/**
 * Scores a channel by the Euclidean norm of the weights that compute it and read it: the square root
 * of the reduced sums of squares, so that with the default reduction it is the norm of all of them
 * together. Multiplying all weights by a number leaves the default scores as they are.
 * @category Criteria
 */
export function l2Norm(options: WeightScoreOptions = {}): Criterion {
  const { members, reduce, normalize } = { ...WEIGHT_SCORE_DEFAULTS, ...options };
  return named("l2Norm", (group, context) => {
    const parts = selectWeights(group, context, members, "l2Norm").map(({ member, tensor }) =>
      sumByChannel(squareSums(tensor, member.axis), member.channelOf, group.width),
    );
    return normalize(reduce(parts).map(Math.sqrt));
  });
}
