import type { Criterion } from "@ocrslim/graph";
import { named } from "../named.ts";
import { distanceSums, gatherRows } from "./distances.ts";
import { WEIGHT_SCORE_DEFAULTS, type WeightScoreOptions } from "./options.ts";
import { selectWeights } from "./weight-members.ts";

/**
 * Scores a channel by its distance to all others: Σ_j ‖w_j − w_i‖₂, w being the channel's slice of a
 * member (FPGM, He et al. 2019, eq. 4). Channels near the geometric median score low, since the
 * others can stand in for them. Takes O(width² · weights per channel).
 * @category Criteria
 */
export function geometricMedian(options: WeightScoreOptions = {}): Criterion {
  const { members, reduce, normalize } = { ...WEIGHT_SCORE_DEFAULTS, ...options };
  return named("geometricMedian", (group, context) =>
    normalize(
      reduce(
        selectWeights(group, context, members, "geometricMedian").map(({ member, tensor }) =>
          distanceSums(gatherRows(tensor, member.axis, member.channelOf, group.width)),
        ),
      ),
    ),
  );
}
