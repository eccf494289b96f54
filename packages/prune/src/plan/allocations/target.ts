import { PruneError } from "../../errors.ts";
import { assertBetween } from "../assert-option.ts";
import type { PlanCost } from "../cost-model.ts";

/** How much of the original is to stay. */
export type CostTarget =
  /** Kept fraction (0–1) of the original multiply-accumulates. */
  | { readonly macs: number }
  /** Kept fraction (0–1) of the original parameters. */
  | { readonly parameters: number };

/** A target as one quantity. */
export interface ResolvedTarget {
  readonly quantity: keyof PlanCost;
  /** Kept fraction of the original. */
  readonly kept: number;
}

/** @throws PruneError `invalid-option` unless exactly one fraction is given. */
export function resolveTarget(source: string, target: CostTarget): ResolvedTarget {
  const given = (["macs", "parameters"] as const).flatMap((quantity) => {
    const kept = (target as Partial<Record<keyof PlanCost, number>>)[quantity];
    return kept === undefined ? [] : [{ quantity, kept }];
  });
  const [only] = given;
  if (!only || given.length > 1) {
    throw new PruneError(
      "invalid-option",
      `${source}: ${given.length} targets are given; give either macs or parameters, as the fraction to keep`,
    );
  }
  assertBetween(source, only.quantity, only.kept, 0, 1);
  return only;
}

/** What a plan's provenance says about its budget. */
export interface BudgetReport {
  readonly quantity: keyof PlanCost;
  /** Kept fraction of the original that was asked for. */
  readonly wanted: number;
  /** Kept fraction of the original that the plan has. */
  readonly reached: number;
  readonly met: boolean;
  readonly reason?: string;
}

/** Compares what was reached with what was wanted. */
export function reportBudget(
  { quantity, kept }: ResolvedTarget,
  cost: PlanCost,
  original: PlanCost,
): BudgetReport {
  const reached = original[quantity] === 0 ? 1 : cost[quantity] / original[quantity];
  const met = cost[quantity] <= kept * original[quantity] * (1 + 1e-12);
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
