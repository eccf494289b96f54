import { PruneError } from "../../errors.ts";
import type { PlanCost } from "../cost-model.ts";

/** How much of the original is to stay. */
export type CostTarget =
  /** Kept fraction of the original multiply-accumulates, above 0 and at most 1. */
  | { readonly macs: number }
  /** Kept fraction of the original parameters, above 0 and at most 1. */
  | { readonly parameters: number };

/** How much of the original's cost or time is to stay. */
export type BudgetTarget =
  | CostTarget
  /** Predicted milliseconds over the original's, above 0 and at most 1. */
  | { readonly latency: number };

/** What a budget may limit. */
export type BudgetQuantity = keyof PlanCost | "latency";

/** A target as one quantity. */
export interface ResolvedTarget<Quantity extends BudgetQuantity = BudgetQuantity> {
  readonly quantity: Quantity;
  /** Kept fraction of the original. */
  readonly kept: number;
}

const COST_QUANTITIES: readonly (keyof PlanCost)[] = ["macs", "parameters"];
const BUDGET_QUANTITIES: readonly BudgetQuantity[] = [...COST_QUANTITIES, "latency"];

/** @throws PruneError `invalid-option` unless exactly one fraction, above 0 and at most 1, is given. */
export function resolveTarget(source: string, target: CostTarget): ResolvedTarget<keyof PlanCost> {
  return resolve(source, target, COST_QUANTITIES);
}

/** As {@link resolveTarget}, with latency. */
export function resolveBudget(source: string, target: BudgetTarget): ResolvedTarget {
  return resolve(source, target, BUDGET_QUANTITIES);
}

function resolve<Quantity extends BudgetQuantity>(
  source: string,
  target: Partial<Record<Quantity, number>>,
  quantities: readonly Quantity[],
): ResolvedTarget<Quantity> {
  const given = quantities.flatMap((quantity) => {
    const kept: number | undefined = target[quantity];
    return kept === undefined ? [] : [{ quantity, kept }];
  });
  const [only] = given;
  if (!only || given.length > 1) {
    throw new PruneError(
      "invalid-option",
      `${source}: ${given.length} targets are given; give one of ${quantities.join(", ")}, as the fraction to keep`,
    );
  }
  if (typeof only.kept !== "number" || !(only.kept > 0 && only.kept <= 1)) {
    throw new PruneError(
      "invalid-option",
      `${source}: ${only.quantity} is ${String(only.kept)}; give the fraction of the original to keep, above 0 and at most 1`,
    );
  }
  return only;
}

/** What a plan's provenance says about its budget. */
export interface BudgetReport {
  readonly quantity: BudgetQuantity;
  /** Kept fraction of the original that was asked for. */
  readonly wanted: number;
  /** Kept fraction of the original that the plan has; predicted, if it is one of latency. */
  readonly reached: number;
  readonly met: boolean;
  readonly reason?: string;
}

/** Compares what was reached with what was wanted. */
export function reportBudget(
  { quantity, kept }: ResolvedTarget,
  cost: number,
  original: number,
): BudgetReport {
  const reached = original === 0 ? 1 : cost / original;
  const met = cost <= kept * original * (1 + 1e-9);
  return {
    quantity,
    wanted: kept,
    reached,
    met,
    ...(met
      ? {}
      : {
          reason: `every group that may be pruned is at its smallest width, which leaves ${(reached * 100).toFixed(1)} % of the ${quantity}; lower minimumWidth, minimumKept or channelMultiple, or ignore fewer groups`,
        }),
  };
}
