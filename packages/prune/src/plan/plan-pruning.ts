import type { Model, PruningPlan } from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import type { Allocation } from "./allocation.ts";
import { type BudgetOptions, budget } from "./allocations/budget.ts";
import type { BudgetTarget } from "./allocations/target.ts";
import { createPlanner } from "./planner.ts";
import type { PlannerOptions } from "./planner-options.ts";

/** Options of {@link planPruning}: exactly one of `allocation` and `budget`. */
export interface PlanPruningOptions extends PlannerOptions {
  /** How many go from each group, such as `uniformRatio(0.3)` or `budget({ macs: 0.5 })`. */
  readonly allocation?: Allocation;
  /** Short for `allocation: budget(target, options)`, all in one: `{ latency: 0.5, … }`. */
  readonly budget?: BudgetTarget & BudgetOptions;
}

/**
 * Returns which channels of which groups stay, by scores and an allocation; the model is not
 * changed. Of channels with equal scores the lower index goes first. Every group is either planned
 * or skipped with a reason; the provenance holds the exact cost of the plan.
 * @throws PruneError `invalid-option`; what the allocation throws.
 * @category Analysis
 */
export function planPruning(model: Model, options: PlanPruningOptions): PruningPlan {
  const allocation = resolveAllocation(options);
  return createPlanner(model, options).plan(allocation);
}

function resolveAllocation(options: PlanPruningOptions): Allocation {
  const { allocation, budget: limits } = options;
  if (allocation && !limits) return allocation;
  if (limits && !allocation) return budget(limits, limits);
  throw new PruneError(
    "invalid-option",
    `planPruning: ${allocation ? "both allocation and budget are" : "neither allocation nor budget is"} given; give one of them`,
  );
}
