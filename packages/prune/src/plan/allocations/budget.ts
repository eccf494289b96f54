import type { LossCurve } from "@ocrslim/graph";
import { named } from "../../named.ts";
import type { Allocation, AllocationCandidate, AllocationContext } from "../allocation.ts";
import {
  convexSteps,
  lossesFromCurve,
  lossesFromScores,
  type WidthLoss,
} from "../loss-of-width.ts";
import { type CostTarget, type ResolvedTarget, reportBudget, resolveTarget } from "./target.ts";

/** Options of {@link budget}. */
export interface BudgetOptions {
  /**
   * Measured curves; groups without one stay whole, and no group is cut further than its curve was
   * measured. Default: estimated from the scores as (removed / kept)², the removed and the kept
   * channels' part of their group's total score.
   */
  readonly losses?: readonly LossCurve[];
}

/**
 * Finds widths at which the model costs at most the given fraction of the original, at the least
 * estimated loss, losses of groups added up. Greedy along the convex hull of each group's losses:
 * always the step with the least loss per cost saved, cost recomputed after each; steps that turn
 * out not to be needed are taken back. If the budget cannot be met, the plan takes all that may be
 * taken and `provenance.budget` says so.
 * @category Analysis
 */
export function budget(target: CostTarget, options: BudgetOptions = {}): Allocation {
  const resolved = resolveTarget("budget", target);
  return named("budget", (context) => {
    const { cost, candidates } = context;
    const reasons = new Map<string, string>();
    const ladders = listLadders(candidates, options.losses, reasons);
    const widths = new Map(candidates.map(({ group }) => [group.id, group.width]));
    const limit = resolved.kept * cost.original[resolved.quantity] * (1 + 1e-12);
    descend(context, ladders, widths, resolved, limit);
    climbBack(context, ladders, widths, resolved, limit);
    const removed = new Map(
      candidates.map(({ group }) => [group.id, group.width - (widths.get(group.id) ?? 0)]),
    );
    const report = reportBudget(resolved, cost.costAt(widths), cost.original);
    return {
      removed,
      reasons,
      provenance: { budget: report, losses: options.losses ? "curves" : "scores" },
    };
  });
}

/** The widths that a group goes through, from whole to smallest, and all its losses. */
interface Ladder {
  readonly id: string;
  readonly steps: readonly WidthLoss[];
  readonly all: readonly WidthLoss[];
}

function listLadders(
  candidates: readonly AllocationCandidate[],
  curves: readonly LossCurve[] | undefined,
  reasons: Map<string, string>,
): readonly Ladder[] {
  const curveOf = new Map(curves?.map((curve) => [curve.group, curve]));
  const ladders: Ladder[] = [];
  for (const candidate of candidates) {
    const { id } = candidate.group;
    const curve = curveOf.get(id);
    if (curves && !curve) {
      reasons.set(id, "no loss was measured for it");
      continue;
    }
    const all = curve ? lossesFromCurve(candidate, curve) : lossesFromScores(candidate);
    if (all.length < 2) reasons.set(id, "no allowed width lies within the measured ratios");
    else ladders.push({ id, steps: convexSteps(all), all });
  }
  return ladders;
}

/** Takes the cheapest step until the limit holds or no step is left. */
function descend(
  { cost }: AllocationContext,
  ladders: readonly Ladder[],
  widths: Map<string, number>,
  { quantity }: ResolvedTarget,
  limit: number,
): void {
  const rung = new Map(ladders.map(({ id }) => [id, 0]));
  const ladderOf = new Map(ladders.map((ladder) => [ladder.id, ladder]));
  const price = ({ id, steps }: Ladder): number => {
    const at = rung.get(id) ?? 0;
    const from = steps[at];
    const to = steps[at + 1];
    if (!from || !to) return Number.POSITIVE_INFINITY;
    const saved = cost.savings(widths, id, to.width)[quantity];
    return saved > 0 ? (to.loss - from.loss) / saved : Number.POSITIVE_INFINITY;
  };
  const prices = new Map(ladders.map((ladder) => [ladder.id, price(ladder)]));
  let current = cost.costAt(widths)[quantity];
  while (current > limit) {
    let best: Ladder | undefined;
    let bestPrice = Number.POSITIVE_INFINITY;
    for (const ladder of ladders) {
      const candidate = prices.get(ladder.id) ?? Number.POSITIVE_INFINITY;
      if (candidate < bestPrice) {
        best = ladder;
        bestPrice = candidate;
      }
    }
    const next = (rung.get(best?.id ?? "") ?? 0) + 1;
    const to = best?.steps[next];
    if (!best || !to) return;
    current -= cost.savings(widths, best.id, to.width)[quantity];
    widths.set(best.id, to.width);
    rung.set(best.id, next);
    for (const id of [best.id, ...cost.coupledTo(best.id)]) {
      const ladder = ladderOf.get(id);
      if (ladder) prices.set(id, price(ladder));
    }
  }
}

/** Gives channels back, most loss saved first, as long as the limit holds. */
function climbBack(
  { cost }: AllocationContext,
  ladders: readonly Ladder[],
  widths: Map<string, number>,
  { quantity }: ResolvedTarget,
  limit: number,
): void {
  let slack = limit - cost.costAt(widths)[quantity];
  while (slack > 0) {
    let best: { id: string; width: number; gain: number; added: number } | undefined;
    for (const { id, all } of ladders) {
      const width = widths.get(id) ?? 0;
      const at = all.findIndex((entry) => entry.width === width);
      const from = all[at];
      const to = all[at + 1];
      if (!from || !to) continue;
      const added = -cost.savings(widths, id, to.width)[quantity];
      const gain = from.loss - to.loss;
      if (added <= slack && gain > 0 && (!best || gain > best.gain)) {
        best = { id, width: to.width, gain, added };
      }
    }
    if (!best) return;
    widths.set(best.id, best.width);
    slack -= best.added;
  }
}
