import type { BudgetQuantity } from "../allocations/target.ts";
import type { MeasuredPlan, PlanMeasurement } from "./types.ts";

/** What a measured plan costs of the original: a kept fraction. Latency that was not measured is 1. */
export function costRatio(plan: PlanMeasurement, quantity: BudgetQuantity): number {
  switch (quantity) {
    case "macs":
      return plan.macsRatio;
    case "parameters":
      return plan.parametersRatio;
    case "latency":
      return plan.latency?.ratio ?? 1;
  }
}

/** Plans that no other one beats in both cost and loss, by ascending cost. */
export function listFront(
  plans: readonly MeasuredPlan[],
  quantity: BudgetQuantity,
): readonly MeasuredPlan[] {
  const sorted = plans.toSorted(
    (a, b) => costRatio(a, quantity) - costRatio(b, quantity) || a.loss - b.loss,
  );
  let best = Number.POSITIVE_INFINITY;
  return sorted.filter(({ loss }) => {
    if (loss >= best) return false;
    best = loss;
    return true;
  });
}
