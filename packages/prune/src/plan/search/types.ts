import type { PruningPlan, RunOptions } from "@ocrslim/graph";
import type { BudgetQuantity } from "../allocations/target.ts";
import type { PlanLatency } from "../latency-model.ts";

/** What is wanted: a budget, a largest loss, or both. At most one of the first three. */
export interface SearchTarget {
  /** Kept fraction of the original multiply-accumulates, above 0 and at most 1. */
  readonly macs?: number;
  /** Kept fraction of the original parameters, above 0 and at most 1. */
  readonly parameters?: number;
  /** Measured milliseconds over the original's, above 0 and at most 1. */
  readonly latency?: number;
  /** Largest loss, in what `measure` gives, 0 or more. */
  readonly maximumLoss?: number;
}

/** What was measured of a plan. */
export interface PlanMeasurement {
  /** How much worse the pruned model is; 0 = none. Negative = better. */
  readonly loss: number;
  /** Kept fraction of the original's multiply-accumulates. */
  readonly macsRatio: number;
  /** Kept fraction of the original's parameters. */
  readonly parametersRatio: number;
  /** Milliseconds, and over the original's; needed where the target is one of latency. */
  readonly latency?: PlanLatency;
}

/** A plan that was pruned and measured. */
export interface MeasuredPlan extends PlanMeasurement {
  /** With `provenance.measuredLatency`, where it was measured and is no slower than the original. */
  readonly plan: PruningPlan;
  /** The kept fraction that the plan was asked for; absent for steps away from another plan. */
  readonly asked?: number;
}

/** Options of {@link searchPlan}. */
export interface SearchPlanOptions extends RunOptions {
  readonly target: SearchTarget;
  /**
   * Makes the plan for a kept fraction (above 0, at most 1), *predicted*: of the quantity that the
   * target names, of whatever follows time best if it names none.
   */
  readonly makePlan: (kept: number) => PruningPlan | Promise<PruningPlan>;
  /** Prunes by a plan and measures what comes out. */
  readonly measure: (plan: PruningPlan) => Promise<PlanMeasurement>;
  /** Most measurements on the way to a budget. Default: 4. */
  readonly budgetSteps?: number;
  /** Halvings of the range of budgets, on the way to a largest loss. Default: 5. */
  readonly lossSteps?: number;
  /** How far below the budget is near enough, as a fraction of it. Default: 0.02. */
  readonly tolerance?: number;
  /** Least kept fraction that plans are asked for, above 0. Default: 0.1. */
  readonly leastKept?: number;
  /**
   * Plans one step away from one, the most promising first, such as `listNeighbours` gives. They are
   * measured for real at the end; the first better one is where it goes on from. Default: none.
   */
  readonly neighbours?: (plan: PruningPlan) => readonly PruningPlan[];
  /** Most measurements of neighbours. Default: 6. */
  readonly neighbourSteps?: number;
}

/** Why a target was not met; branch on this. */
export type UnmetCode =
  /** Nothing more may be removed, or the steps ran out before the budget was reached. */
  | "budget-not-reached"
  /** Plans that meet the budget lose more than the largest loss. */
  | "loss-exceeded"
  /** Nothing can go within the largest loss; the model stays as it is. */
  | "nothing-removable"
  /** Every plan within the target measured slower than the original. */
  | "slower-than-original";

/** Whether the target was met. */
export interface SearchOutcome {
  readonly quantity: BudgetQuantity | "loss";
  readonly wanted: number;
  /** What the chosen plan measured; 1 (of a loss: 0) if there is none. */
  readonly reached: number;
  readonly met: boolean;
  /** If it is not met, or nothing could be removed. */
  readonly code?: UnmetCode;
  /** For people, with `code`: why, and what is possible. */
  readonly reason?: string;
}

/** What {@link searchPlan} found. */
export interface PlanSearch {
  /** `undefined`: nothing may be removed, the model stays as it is. Never one that measured slower. */
  readonly chosen: MeasuredPlan | undefined;
  /** All plans that were measured, in that order. */
  readonly tried: readonly MeasuredPlan[];
  /** Those that no other one beats in both cost and loss, the fastest first. */
  readonly front: readonly MeasuredPlan[];
  readonly outcome: SearchOutcome;
}
