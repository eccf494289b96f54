import type { Criterion } from "@ocrslim/graph";
import { named } from "../named.ts";
import { lampShare } from "./normalizations.ts";
import { WEIGHT_SCORE_DEFAULTS, type WeightScoreOptions } from "./options.ts";
import { selectWeights, squareSums, sumByChannel } from "./weight-members.ts";

/** Options of {@link lamp}: the normalization is the method itself. */
export type LampOptions = Omit<WeightScoreOptions, "normalize">;

/**
 * Scores a channel by its squared weights as a share of those of all channels of the group that are
 * not weaker (layer-adaptive magnitude, Lee et al. 2021, eq. 3, applied to channels). Made for one
 * threshold over all groups: the best channel of each group is never the first to go.
 * @category Criteria
 */
export function lamp(options: LampOptions = {}): Criterion {
  const { members, reduce } = { ...WEIGHT_SCORE_DEFAULTS, ...options };
  return named("lamp", (group, context) => {
    const parts = selectWeights(group, context, members, "lamp").map(({ member, tensor }) =>
      sumByChannel(squareSums(tensor, member.axis), member.channelOf, group.width),
    );
    return lampShare(reduce(parts));
  });
}
