import type { PruningPlan } from "@ocrslim/graph";
import type { BudgetOutcome } from "../report/types.ts";

/** The quantity that plans are made for; plans for a latency or a loss are looked for along MACs. */
export type PlanAxis = "macs" | "parameters";

/** A plan that was pruned and measured. */
export interface MeasuredPlan {
  readonly plan: PruningPlan;
  /** What the plan was made for: kept fraction of the unpruned model. */
  readonly kept: number;
  /** Kept fraction of the original's MACs, parameters. */
  readonly macsRatio: number;
  readonly parametersRatio: number;
  /** Relative loss of the metric on calibration images. */
  readonly loss: number;
  /** Latency over the original's; only where the budget is one of latency. */
  readonly latencyRatio?: number;
}

/** What is wanted: a budget, a largest loss, or both. */
export interface Target {
  readonly kind: "macs" | "parameters" | "latency" | undefined;
  /** Kept fraction of the original. */
  readonly wanted: number;
  /** Largest relative loss; `undefined`: any. */
  readonly maximumLoss: number | undefined;
}

/** Prunes by a plan that keeps the fraction, and measures it. */
export type TryPlan = (axis: PlanAxis, kept: number) => Promise<MeasuredPlan>;

/** What the search found. */
export interface SearchResult {
  /** `undefined`: nothing could be removed within the largest loss. */
  readonly chosen: MeasuredPlan | undefined;
  readonly tried: readonly MeasuredPlan[];
  readonly budget: BudgetOutcome;
}

/** Steps of a bisection: 0.85 / 2⁵ is about three percent of the MACs. */
const bisectionSteps = 5;

/** Plans keep at least this fraction. */
const leastKept = 0.15;

const slack = 1 + 1e-6;

/**
 * Looks for the plan that meets the budget; where that loses too much, for the smallest model that
 * does not. Without a budget, for the smallest one within the largest loss. Losses are not quite
 * monotone in the size, so that bisection finds a good plan and not always the very best.
 */
export async function searchBudget(target: Target, tryPlan: TryPlan): Promise<SearchResult> {
  const tried: MeasuredPlan[] = [];
  const axis: PlanAxis = target.kind === "parameters" ? "parameters" : "macs";
  const attempt = async (kept: number): Promise<MeasuredPlan> => {
    const measured = await tryPlan(axis, kept);
    tried.push(measured);
    return measured;
  };
  const isLossAllowed = (plan: MeasuredPlan): boolean =>
    target.maximumLoss === undefined || plan.loss <= target.maximumLoss;

  let chosen: MeasuredPlan | undefined;
  let low = leastKept;
  if (target.kind === "latency") {
    chosen = await bisect(
      leastKept,
      1,
      attempt,
      (plan) => (plan.latencyRatio ?? 1) > target.wanted,
    );
    // The bisection ends on the slow side; the plan to take is the largest one that is fast enough.
    const fast = tried.filter((plan) => (plan.latencyRatio ?? 1) <= target.wanted);
    chosen = largest(fast) ?? (await attempt(leastKept));
    low = chosen.kept;
  } else if (target.kind !== undefined) {
    chosen = await attempt(Math.min(1, target.wanted));
    low = chosen.kept;
  }
  if (chosen === undefined || !isLossAllowed(chosen)) {
    await bisect(low, 1, attempt, isLossAllowed);
    chosen = smallest(tried.filter(isLossAllowed));
  }
  return { chosen, tried, budget: describeBudget(target, chosen) };
}

/** Halves [low, high] towards the smallest fraction that is good; good plans lie above bad ones. */
async function bisect(
  low: number,
  high: number,
  attempt: (kept: number) => Promise<MeasuredPlan>,
  isGood: (plan: MeasuredPlan) => boolean,
): Promise<undefined> {
  let [bad, good] = [low, high];
  for (let step = 0; step < bisectionSteps && good - bad > 0.01; step++) {
    const middle = (bad + good) / 2;
    if (isGood(await attempt(middle))) good = middle;
    else bad = middle;
  }
}

function smallest(plans: readonly MeasuredPlan[]): MeasuredPlan | undefined {
  return plans.toSorted((a, b) => a.macsRatio - b.macsRatio)[0];
}

function largest(plans: readonly MeasuredPlan[]): MeasuredPlan | undefined {
  return plans.toSorted((a, b) => b.macsRatio - a.macsRatio)[0];
}

function reachedOf(target: Target, chosen: MeasuredPlan | undefined): number {
  switch (target.kind) {
    case "macs":
      return chosen?.macsRatio ?? 1;
    case "parameters":
      return chosen?.parametersRatio ?? 1;
    case "latency":
      return chosen?.latencyRatio ?? 1;
    default:
      return chosen?.loss ?? 0;
  }
}

function describeBudget(target: Target, chosen: MeasuredPlan | undefined): BudgetOutcome {
  const reached = reachedOf(target, chosen);
  if (target.kind === undefined) {
    const wanted = target.maximumLoss ?? 0;
    return chosen
      ? { kind: "max-loss", wanted, reached, met: true }
      : {
          kind: "max-loss",
          wanted,
          reached,
          met: true,
          reason: "no channel can go within that loss; the model is only simplified",
        };
  }
  const met = reached <= target.wanted * slack + 0.005;
  const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
  const because =
    target.maximumLoss === undefined
      ? "nothing more may be removed at this channel multiple"
      : `a smaller model loses more than ${percent(target.maximumLoss)} on the calibration images`;
  return {
    kind: target.kind,
    wanted: target.wanted,
    reached,
    met,
    ...(met
      ? {}
      : {
          reason: `The budget of ${percent(target.wanted)} ${target.kind} cannot be met: ${because}. This is the best there is, ${percent(reached)}.`,
        }),
  };
}
