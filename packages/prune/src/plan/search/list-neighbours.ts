import type { LossCurve, PruningPlan } from "@ocrslim/graph";
import { PruneError } from "../../errors.ts";
import { listLadders } from "../allocations/ladders.ts";
import { type AllocationProblem, listMoves, type Move } from "../allocations/search/problem.ts";
import type { BudgetQuantity } from "../allocations/target.ts";
import { widthPerGroup } from "../allocations/width-per-group.ts";
import { assertBetween, assertPositiveInteger } from "../assert-option.ts";
import { type CostFunction, costFunctionOf } from "../cost-function.ts";
import type { LatencyModel } from "../latency-model.ts";
import { withPredictedLatency } from "../plan-latency.ts";
import type { Planner } from "../planner.ts";

/** Options of {@link listNeighbours}. */
export interface ListNeighboursOptions {
  /** What steps should save. */
  readonly quantity: BudgetQuantity;
  /** Predicts milliseconds; needed if they are what steps should save. */
  readonly latencyModel?: LatencyModel;
  /** Measured curves. Default: estimated from the scores; see `BudgetOptions.losses`. */
  readonly losses?: readonly LossCurve[];
  /** Most plans that are returned. Default: 12. */
  readonly count?: number;
  /** What a step may add to the cost, as a fraction (0–1) of the original's. Default: 0.01. */
  readonly slack?: number;
}

/** What {@link ListNeighboursOptions} stand for when they are left out. */
export const LIST_NEIGHBOURS_DEFAULTS: Readonly<
  Required<Pick<ListNeighboursOptions, "count" | "slack">>
> = { count: 12, slack: 0.01 };

/** Steps up and down that swaps are made of. */
const partners = 6;

/**
 * Plans one step of a width away from a plan, best predicted trade first and in turns: a step down in
 * one group with a step up in another, a step up, a step down. For `searchPlan`, which measures them.
 * @throws PruneError `invalid-option`.
 * @category Analysis
 */
export function listNeighbours(
  planner: Planner,
  plan: PruningPlan,
  options: ListNeighboursOptions,
): readonly PruningPlan[] {
  const { count, slack } = resolveOptions(options);
  const { latencyModel } = options;
  const cost = resolveCost(planner, options);
  const multiple = options.quantity === "latency" ? (latencyModel?.channelMultiple ?? 1) : 1;
  const ladders = listLadders(
    "listNeighbours",
    planner.context,
    options.losses,
    multiple,
    new Map(),
  );
  const problem: AllocationProblem = { cost, ladders, limit: Number.POSITIVE_INFINITY };
  const widths = new Map(plan.groups.map(({ id, keep }) => [id, keep.length]));
  const rungs = ladders.map(({ id, rungs: own }) => {
    const width = widths.get(id) ?? own[own.length - 1]?.width ?? 0;
    return own.reduce((best, rung, at) => (rung.width <= width ? at : best), 0);
  });
  const steps = (direction: -1 | 1): readonly Move[] =>
    ladders.flatMap((_, at) => listMoves(problem, rungs, widths, at, direction).slice(0, 1));
  const room = slack * cost.original;
  const downs = steps(-1)
    .filter(({ saved }) => saved > 0)
    .toSorted((a, b) => a.loss / a.saved - b.loss / b.saved);
  const ups = steps(1)
    .filter(({ loss }) => loss < 0)
    .toSorted((a, b) => gainPerCost(b) - gainPerCost(a));
  const swaps = listSwaps(problem, widths, downs, ups, room);
  const singles = ups.filter(({ saved }) => -saved <= room);
  const chosen = inTurns(
    swaps,
    singles.map((move) => [move]),
    downs.map((move) => [move]),
  ).slice(0, count);
  return chosen.map((moves) => {
    const next = new Map(widths);
    for (const { at, to } of moves) {
      const ladder = ladders[at];
      const width = ladder?.rungs[to]?.width;
      if (ladder && width !== undefined) next.set(ladder.id, width);
    }
    const stepped = planner.plan(widthPerGroup(Object.fromEntries(next)));
    return latencyModel ? withPredictedLatency(stepped, latencyModel) : stepped;
  });
}

/** What a step up gains for what it adds; steps that add nothing come first. */
const gainPerCost = ({ loss, saved }: Move): number =>
  saved >= 0 ? Number.POSITIVE_INFINITY : loss / saved;

function listSwaps(
  { cost, ladders }: AllocationProblem,
  widths: ReadonlyMap<string, number>,
  downs: readonly Move[],
  ups: readonly Move[],
  room: number,
): readonly (readonly Move[])[] {
  const swaps: { readonly moves: readonly Move[]; readonly loss: number }[] = [];
  for (const down of downs.slice(0, partners)) {
    const from = ladders[down.at];
    if (!from) continue;
    const after = new Map(widths).set(from.id, from.rungs[down.to]?.width ?? 0);
    for (const up of ups.slice(0, partners)) {
      const to = ladders[up.at];
      if (!to || up.at === down.at) continue;
      const saved = down.saved + cost.saving(after, to.id, to.rungs[up.to]?.width ?? 0);
      if (saved >= -room) swaps.push({ moves: [down, up], loss: down.loss + up.loss });
    }
  }
  return swaps.toSorted((a, b) => a.loss - b.loss).map(({ moves }) => moves);
}

/** The first of each list, then the second of each, … */
function inTurns<T>(...lists: readonly (readonly T[])[]): readonly T[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, at) =>
    lists.flatMap((list) => list.slice(at, at + 1)),
  ).flat();
}

function resolveCost(planner: Planner, options: ListNeighboursOptions): CostFunction {
  const { quantity, latencyModel } = options;
  if (quantity !== "latency") return costFunctionOf(planner.context.cost, quantity);
  if (latencyModel) return latencyModel;
  throw new PruneError(
    "invalid-option",
    "listNeighbours: quantity is latency, but nothing predicts it; give latencyModel, made by createLatencyModel",
  );
}

function resolveOptions(options: ListNeighboursOptions): {
  readonly count: number;
  readonly slack: number;
} {
  const count = options.count ?? LIST_NEIGHBOURS_DEFAULTS.count;
  const slack = options.slack ?? LIST_NEIGHBOURS_DEFAULTS.slack;
  assertPositiveInteger("listNeighbours", "count", count);
  assertBetween("listNeighbours", "slack", slack, 0, 1);
  return { count, slack };
}
