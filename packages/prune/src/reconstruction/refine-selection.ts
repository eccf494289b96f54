import type { PruningPlan } from "@ocrslim/graph";
import type { ReconstructionAnalysis } from "./analyze-reconstruction.ts";

/**
 * Returns a plan of the same widths with the channels that are best at each: what exchanges find
 * beyond the greedy order. Groups that were not analysed stay as they are.
 * @category Analysis
 */
export function refineSelection(
  plan: PruningPlan,
  analysis: Pick<ReconstructionAnalysis, "orders" | "keepAt">,
): PruningPlan {
  const groups = plan.groups.map((group) =>
    analysis.orders.has(group.id)
      ? { ...group, keep: analysis.keepAt(group.id, group.keep.length) }
      : group,
  );
  return { ...plan, groups };
}
