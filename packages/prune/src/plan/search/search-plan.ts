import { createRunContext, type PruningPlan } from "@ocrslim/graph";
import { PruneError } from "../../errors.ts";
import { type BudgetTarget, resolveBudget } from "../allocations/target.ts";
import { assertBetween, assertPositiveInteger } from "../assert-option.ts";
import { type Attempts, createAttempts } from "./attempts.ts";
import { choosePlan, type Goal, isFaster, isWithinBudget } from "./choose-plan.ts";
import { costRatio, listFront } from "./front.ts";
import { reachBudget } from "./reach-budget.ts";
import type { MeasuredPlan, PlanSearch, SearchPlanOptions, SearchTarget } from "./types.ts";

/** What {@link SearchPlanOptions} stand for when they are left out. */
export const SEARCH_PLAN_DEFAULTS: Readonly<
  Required<
    Pick<
      SearchPlanOptions,
      "budgetSteps" | "lossSteps" | "tolerance" | "leastKept" | "neighbourSteps"
    >
  >
> = { budgetSteps: 4, lossSteps: 5, tolerance: 0.02, leastKept: 0.1, neighbourSteps: 6 };

/**
 * Finds a plan by measuring. A budget: plans are asked for until one measures within the tolerance
 * below it, predictions corrected by what was measured. A largest loss alone: the range of budgets is
 * halved towards the cheapest plan within it; losses are not quite monotone in the size, so that this
 * finds a good plan and not always the very best. Both: the budget, and where that loses too much, the
 * cheapest plan that does not. Then steps of single groups are measured, if `neighbours` gives any. A
 * plan that measures slower than the original is never chosen. The same measurements give the same
 * plan.
 * @throws PruneError `invalid-option` for a target that is none, or measurements that are no numbers;
 * whatever `makePlan` and `measure` throw.
 * @category Analysis
 */
export async function searchPlan(options: SearchPlanOptions): Promise<PlanSearch> {
  const settings = resolveSettings(options);
  const { wanted, maximumLoss, named } = resolveTarget(options.target);
  const attempts = createAttempts(options, named === "latency");
  const { tried } = attempts;
  /** Without a budget, whatever all plans were measured in. */
  const currentGoal = (): Goal => ({
    quantity: named ?? (tried.every(({ latency }) => latency) ? "latency" : "macs"),
    wanted,
    maximumLoss,
  });
  if (wanted !== undefined) {
    await reachBudget({
      ...settings,
      wanted,
      leastKept: Math.min(settings.leastKept, wanted / 2),
      steps: settings.budgetSteps,
      ask: attempts.ask,
      ratioOf: (plan) => costRatio(plan, currentGoal().quantity),
    });
  }
  if (wanted === undefined || choosePlan(currentGoal(), tried).outcome.code === "loss-exceeded") {
    await bisectLoss(attempts, currentGoal(), settings);
  }
  if (options.neighbours) {
    await stepAround(attempts, currentGoal(), options.neighbours, settings.neighbourSteps);
  }
  const goal = currentGoal();
  createRunContext(options).onProgress({ kind: "end", task: "search plan" });
  return { ...choosePlan(goal, tried), tried, front: listFront(tried, goal.quantity) };
}

type Settings = typeof SEARCH_PLAN_DEFAULTS;

function resolveSettings(options: SearchPlanOptions): Settings {
  const settings: Settings = {
    budgetSteps: options.budgetSteps ?? SEARCH_PLAN_DEFAULTS.budgetSteps,
    lossSteps: options.lossSteps ?? SEARCH_PLAN_DEFAULTS.lossSteps,
    tolerance: options.tolerance ?? SEARCH_PLAN_DEFAULTS.tolerance,
    leastKept: options.leastKept ?? SEARCH_PLAN_DEFAULTS.leastKept,
    neighbourSteps: options.neighbourSteps ?? SEARCH_PLAN_DEFAULTS.neighbourSteps,
  };
  for (const name of ["budgetSteps", "lossSteps", "neighbourSteps"] as const) {
    assertPositiveInteger("searchPlan", name, settings[name]);
  }
  assertBetween("searchPlan", "tolerance", settings.tolerance, 0, 0.5);
  assertBetween("searchPlan", "leastKept", settings.leastKept, 1e-3, 1);
  return settings;
}

function resolveTarget({ maximumLoss, ...budget }: SearchTarget): {
  readonly named: Goal["quantity"] | undefined;
  readonly wanted: number | undefined;
  readonly maximumLoss: number;
} {
  const hasBudget = Object.values(budget).some((kept) => kept !== undefined);
  if (!hasBudget && maximumLoss === undefined) {
    throw new PruneError(
      "invalid-option",
      "searchPlan: the target is empty; give one of macs, parameters, latency, or maximumLoss, or both",
    );
  }
  if (maximumLoss !== undefined && !(Number.isFinite(maximumLoss) && maximumLoss >= 0)) {
    throw new PruneError(
      "invalid-option",
      `searchPlan: maximumLoss is ${maximumLoss}; give a finite number of 0 or more`,
    );
  }
  const resolved = hasBudget ? resolveBudget("searchPlan", budget as BudgetTarget) : undefined;
  return {
    named: resolved?.quantity,
    wanted: resolved?.kept,
    maximumLoss: maximumLoss ?? Number.POSITIVE_INFINITY,
  };
}

/** Halves the range of requests towards the least one that does not lose too much. */
async function bisectLoss(
  { ask, tried }: Attempts,
  { maximumLoss }: Goal,
  { leastKept, lossSteps }: Settings,
): Promise<void> {
  // Requests on the way to a budget bound the range.
  const asked = (isLossy: boolean): readonly number[] =>
    tried.flatMap((plan) =>
      plan.asked !== undefined && plan.loss > maximumLoss === isLossy ? [plan.asked] : [],
    );
  let low = Math.max(leastKept, ...asked(true));
  let high = Math.min(1, ...asked(false).filter((kept) => kept > low));
  for (let step = 0; step < lossSteps && high - low > 0.005; step++) {
    const middle = (low + high) / 2;
    const { loss } = await ask(middle);
    if (loss <= maximumLoss) high = middle;
    else low = middle;
  }
}

/** Goes to the first neighbour that measures better, and on from there. */
async function stepAround(
  attempts: Attempts,
  goal: Goal,
  neighbours: (plan: PruningPlan) => readonly PruningPlan[],
  steps: number,
): Promise<void> {
  let left = steps;
  let current = choosePlan(goal, attempts.tried).chosen;
  while (current && left > 0) {
    const better = await firstBetter(attempts, goal, current, neighbours(current.plan), left);
    left -= better.measured;
    current = better.plan;
  }
}

async function firstBetter(
  attempts: Attempts,
  goal: Goal,
  current: MeasuredPlan,
  plans: readonly PruningPlan[],
  left: number,
): Promise<{ readonly measured: number; readonly plan: MeasuredPlan | undefined }> {
  let measured = 0;
  for (const plan of plans) {
    if (measured >= left) break;
    if (attempts.isTried(plan)) continue;
    const next = await attempts.measure(plan);
    measured++;
    if (isBetter(next, current, goal)) return { measured, plan: next };
  }
  return { measured, plan: undefined };
}

/** Less loss within the budget; less cost where there is none, or where it was not met anyway. */
function isBetter(next: MeasuredPlan, current: MeasuredPlan, goal: Goal): boolean {
  if (!isFaster(next) || next.loss > goal.maximumLoss) return false;
  if (goal.wanted !== undefined && isWithinBudget(current, goal)) {
    return isWithinBudget(next, goal) && next.loss < current.loss;
  }
  return costRatio(next, goal.quantity) < costRatio(current, goal.quantity);
}
