import type { Criterion } from "@ocrslim/graph";
import { named } from "../named.ts";
import { WEIGHT_SCORE_DEFAULTS, type WeightScoreOptions } from "./options.ts";
import { absoluteSums, selectWeights, sumByChannel } from "./weight-members.ts";

/**
 * Scores a channel by the sum of the absolute weights that compute it and read it (Li et al. 2017,
 * there for producers only). Multiplying all weights by a number leaves the default scores as they
 * are.
 * @category Criteria
 */
export function l1Norm(options: WeightScoreOptions = {}): Criterion {
  const { members, reduce, normalize } = { ...WEIGHT_SCORE_DEFAULTS, ...options };
  return named("l1Norm", (group, context) =>
    normalize(
      reduce(
        selectWeights(group, context, members, "l1Norm").map(({ member, tensor }) =>
          sumByChannel(absoluteSums(tensor, member.axis), member.channelOf, group.width),
        ),
      ),
    ),
  );
}
