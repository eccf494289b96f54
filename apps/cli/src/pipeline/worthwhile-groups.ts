import { type ChannelGroup, inferShapes, type Model, type SkippedGroup } from "@ocrslim/graph";
import { createCostModel } from "@ocrslim/prune";

/** Groups whose halving saves less than this fraction of both MACs and parameters are left alone. */
const leastSaving = 0.0005;

/** Which groups are worth an analysis, and why the others are not. */
export interface WorthwhileGroups {
  readonly groups: readonly ChannelGroup[];
  readonly skipped: readonly SkippedGroup[];
}

/**
 * Leaves out what cannot be pruned and what would save next to nothing (the inner channels of
 * squeeze-and-excitation gates): each group costs many evaluations.
 */
export function listWorthwhileGroups(
  model: Model,
  groups: readonly ChannelGroup[],
  inputShapes: Readonly<Record<string, readonly number[]>>,
  channelMultiple: number,
): WorthwhileGroups {
  const cost = createCostModel(model, groups, inferShapes(model, { inputShapes }));
  const skipped: SkippedGroup[] = [];
  const worthwhile = groups.filter((group) => {
    let reason: string | undefined;
    if (group.blocked !== undefined) reason = `blocked: ${group.blocked}`;
    else if (group.width <= channelMultiple) {
      reason = `${group.width} channels, not more than one multiple of ${channelMultiple}`;
    } else {
      const saved = cost.savings(new Map(), group.id, Math.ceil(group.width / 2));
      const small =
        saved.macs < leastSaving * cost.original.macs &&
        saved.parameters < leastSaving * cost.original.parameters;
      if (small) {
        reason = `halving it would save less than ${leastSaving * 100} % of MACs and of parameters`;
      }
    }
    if (reason !== undefined) skipped.push({ group: group.id, reason });
    return reason === undefined;
  });
  return { groups: worthwhile, skipped };
}
