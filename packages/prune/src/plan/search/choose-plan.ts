import type { BudgetQuantity } from "../allocations/target.ts";
import { costRatio } from "./front.ts";
import type { MeasuredPlan, SearchOutcome, UnmetCode } from "./types.ts";

/** A target whose parts are known. */
export interface Goal {
  /** What the plans' cost is counted in. */
  readonly quantity: BudgetQuantity;
  /** The largest ratio that will do; `undefined` if there is no budget. */
  readonly wanted: number | undefined;
  /** Infinity if there is none. */
  readonly maximumLoss: number;
}

/** The plan to take, and whether the target is met. */
export interface Choice {
  readonly chosen: MeasuredPlan | undefined;
  readonly outcome: SearchOutcome;
}

/** Whether a plan measured no slower than the original, as far as it was measured. */
export const isFaster = ({ latency }: MeasuredPlan): boolean => (latency?.ratio ?? 0) <= 1;

/** Whether a plan is within the budget, if there is one. */
export function isWithinBudget(plan: MeasuredPlan, { quantity, wanted }: Goal): boolean {
  return wanted === undefined || costRatio(plan, quantity) <= wanted * (1 + 1e-9);
}

/**
 * Of plans within budget and loss the one that loses least; without a budget, or where none is within
 * it, the cheapest one that does not lose too much. Never one that measured slower than the original.
 */
export function choosePlan(goal: Goal, tried: readonly MeasuredPlan[]): Choice {
  const { quantity, wanted, maximumLoss } = goal;
  const allowed = tried.filter((plan) => isFaster(plan) && plan.loss <= maximumLoss);
  const cost = (plan: MeasuredPlan): number => costRatio(plan, quantity);
  const within = wanted === undefined ? [] : allowed.filter((plan) => isWithinBudget(plan, goal));
  const chosen =
    within.toSorted((a, b) => a.loss - b.loss || cost(a) - cost(b))[0] ??
    allowed.toSorted((a, b) => cost(a) - cost(b) || a.loss - b.loss)[0];
  const reached =
    wanted === undefined ? (chosen?.loss ?? 0) : chosen === undefined ? 1 : cost(chosen);
  const met = wanted === undefined || within.length > 0;
  const head = {
    quantity: wanted === undefined ? ("loss" as const) : quantity,
    wanted: wanted ?? maximumLoss,
    reached,
    met,
  };
  if (met && chosen) return { chosen, outcome: head };
  const code = whyUnmet(goal, tried);
  return { chosen, outcome: { ...head, code, reason: explain(code, goal, tried, chosen) } };
}

function whyUnmet(goal: Goal, tried: readonly MeasuredPlan[]): UnmetCode {
  const within = tried.filter((plan) => isWithinBudget(plan, goal));
  const inLoss = within.filter(({ loss }) => loss <= goal.maximumLoss);
  if (inLoss.length > 0) return "slower-than-original";
  if (goal.wanted === undefined) return "nothing-removable";
  return within.length > 0 ? "loss-exceeded" : "budget-not-reached";
}

function explain(
  code: UnmetCode,
  { quantity, wanted, maximumLoss }: Goal,
  tried: readonly MeasuredPlan[],
  chosen: MeasuredPlan | undefined,
): string {
  const instead = chosen
    ? `the best there is keeps ${percent(costRatio(chosen, quantity))} of the ${quantity} at a loss of ${percent(chosen.loss)}`
    : "the model stays as it is";
  const asked = `${percent(wanted ?? 1)} of the ${quantity}`;
  switch (code) {
    case "slower-than-original": {
      const ratios = tried.flatMap(({ latency }) => (latency ? [latency.ratio] : []));
      return `plans within the target measured slower than the original (the fastest at ${percent(Math.min(...ratios))} of its time); ${instead}`;
    }
    case "loss-exceeded":
      return `plans with ${asked} lose more than ${percent(maximumLoss)}; ${instead}`;
    case "nothing-removable":
      return `no plan that was tried loses at most ${percent(maximumLoss)}; ${instead}`;
    case "budget-not-reached":
      return `no plan that was tried comes down to ${asked}; ${instead}; allow narrower widths, or ignore fewer groups`;
  }
}

const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
