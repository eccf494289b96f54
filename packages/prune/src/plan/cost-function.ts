import type { CostModel, PlanCost } from "./cost-model.ts";

/** One quantity that a model costs, as a function of the widths of its groups. */
export interface CostFunction {
  /** With nothing removed. */
  readonly original: number;
  /** With each group at a width; groups that are not named stay whole. */
  costAt(widths: ReadonlyMap<string, number>): number;
  /** What changing one group's width, from where `widths` has it, takes off the cost. */
  saving(widths: ReadonlyMap<string, number>, group: string, width: number): number;
  /** Ids of the groups whose savings depend on this one's width, without itself. */
  coupledTo(group: string): ReadonlySet<string>;
}

/** One of the quantities that a cost model counts. */
export function costFunctionOf(cost: CostModel, quantity: keyof PlanCost): CostFunction {
  return {
    original: cost.original[quantity],
    costAt: (widths) => cost.costAt(widths)[quantity],
    saving: (widths, group, width) => cost.savings(widths, group, width)[quantity],
    coupledTo: (group) => cost.coupledTo(group),
  };
}
