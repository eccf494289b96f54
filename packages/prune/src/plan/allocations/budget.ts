import type { LossCurve } from "@ocrslim/graph";
import { PruneError } from "../../errors.ts";
import { named } from "../../named.ts";
import type { Allocation, AllocationContext } from "../allocation.ts";
import { costFunctionOf } from "../cost-function.ts";
import { asPlanLatency, type LatencyModel } from "../latency-model.ts";
import { listLadders } from "./ladders.ts";
import { allocate } from "./search/allocate.ts";
import {
  type BudgetReport,
  type BudgetTarget,
  type ResolvedTarget,
  reportBudget,
  resolveBudget,
} from "./target.ts";

/** Options of {@link budget}. */
export interface BudgetOptions {
  /**
   * Measured curves, made monotone first; groups without one stay whole, and no group is cut further
   * than its curve was measured. Default: estimated from the scores as (removed / kept)², the removed
   * and the kept channels' part of their group's total score.
   */
  readonly losses?: readonly LossCurve[];
  /**
   * Predicts milliseconds. Needed for a budget of latency, and goes into the provenance of any. With
   * a budget of latency, groups keep multiples of its `channelMultiple` as well. Default: none.
   */
  readonly latencyModel?: LatencyModel;
  /** Whether a budget that cannot be met is an error. Default: false, the provenance says so. */
  readonly strict?: boolean;
}

/**
 * Finds widths at which the model costs or takes at most the given fraction of the original, at the
 * least estimated loss, losses of groups added up: dynamic programming over costs linearised at the
 * widths so far, repeated until they settle, then swaps of single steps. If the budget cannot be met,
 * the plan takes all that may be taken and `provenance.budget` says so.
 * @throws PruneError `invalid-option` for a fraction that is not above 0 and at most 1, a budget of
 * latency without a latency model, or curves that hold no finite numbers or are of other groups;
 * `unreachable-budget` with `strict`.
 * @category Analysis
 */
export function budget(target: BudgetTarget, options: BudgetOptions = {}): Allocation {
  const resolved = resolveBudget("budget", target);
  const { latencyModel: latency, losses, strict = false } = options;
  if (resolved.quantity === "latency" && !latency) {
    throw new PruneError(
      "invalid-option",
      `budget: latency is ${resolved.kept}, but nothing predicts it; give options.latencyModel, made by createLatencyModel`,
    );
  }
  return named("budget", (context) => {
    const reasons = new Map<string, string>();
    const multiple = resolved.quantity === "latency" ? (latency?.channelMultiple ?? 1) : 1;
    const ladders = listLadders("budget", context, losses, multiple, reasons);
    const cost =
      resolved.quantity === "latency" && latency
        ? latency
        : costFunctionOf(
            context.cost,
            resolved.quantity === "latency" ? "macs" : resolved.quantity,
          );
    const limit = resolved.kept * cost.original * (1 + 1e-12);
    const widths = allocate({ cost, ladders, limit });
    const report = reportBudget(resolved, cost.costAt(widths), cost.original);
    if (strict && !report.met) throw unreachable(resolved, report);
    return {
      removed: listRemovals(context, widths),
      reasons,
      provenance: {
        budget: report,
        losses: losses ? "curves" : "scores",
        expectedLoss: ladders.reduce(
          (sum, { id, rungs }) =>
            sum + (rungs.find(({ width }) => width === widths.get(id))?.loss ?? 0),
          0,
        ),
        ...(latency ? { predictedLatency: asPlanLatency(latency, latency.costAt(widths)) } : {}),
      },
    };
  });
}

function listRemovals(
  { candidates }: AllocationContext,
  widths: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  return new Map(
    candidates.map(({ group: { id, width } }) => [id, width - (widths.get(id) ?? width)]),
  );
}

function unreachable({ quantity, kept }: ResolvedTarget, report: BudgetReport): PruneError {
  return new PruneError(
    "unreachable-budget",
    `budget: ${quantity} ${kept} cannot be met: ${report.reason}`,
  );
}
