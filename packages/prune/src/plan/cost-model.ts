import type { ChannelGroup, Model, PruningPlan, ShapeInference } from "@ocrslim/graph";
import { type PrunableAxis, sizeAtWidths, sizeByPlan } from "./axis-lookup.ts";
import { type CostTerm, listCostTerms } from "./cost-terms.ts";

/** What a model costs. */
export interface PlanCost {
  /** Multiply-accumulates of one run at the given input shapes. */
  readonly macs: number;
  /** Elements of all floating-point initializers. */
  readonly parameters: number;
}

/** The cost of a model as a function of the widths of its groups, without pruning it. */
export interface CostModel {
  /** With nothing removed. */
  readonly original: PlanCost;
  /**
   * With each group at a width; groups that are not named stay whole. Exact as long as all channels
   * of a group own equally many indices of each member.
   */
  costAt(widths: ReadonlyMap<string, number>): PlanCost;
  /** With exactly these channels kept. */
  costOfPlan(plan: Pick<PruningPlan, "groups">): PlanCost;
  /** What changing one group's width, from where `widths` has it, takes off the cost. */
  savings(widths: ReadonlyMap<string, number>, group: string, width: number): PlanCost;
  /** Ids of the groups whose savings depend on this one's width, without itself. */
  coupledTo(group: string): ReadonlySet<string>;
}

type AxisSize = (axis: PrunableAxis) => number;

/**
 * Returns the cost of a model at any widths. Blocked groups stay whole. Counts as `computeCost` does.
 * @category Analysis
 */
export function createCostModel(
  model: Model,
  groups: readonly ChannelGroup[],
  shapes: ShapeInference,
): CostModel {
  const terms = listCostTerms(model, groups, shapes);
  const macsOf = indexByGroup(terms.macs);
  const parametersOf = indexByGroup(terms.parameters);
  const sizeAt =
    (widthOf: (group: string) => number | undefined): AxisSize =>
    (axis) =>
      sizeAtWidths(axis, widthOf);
  const evaluate = (sizeOf: AxisSize): PlanCost => ({
    macs: sumTerms(terms.macs, sizeOf),
    parameters: sumTerms(terms.parameters, sizeOf),
  });
  return {
    original: evaluate(({ size }) => size),
    costAt: (widths) => evaluate(sizeAt((group) => widths.get(group))),
    costOfPlan: (plan) => evaluate(sizeByPlan(plan)),
    savings(widths, group, width) {
      const before = sizeAt((id) => widths.get(id));
      const after = sizeAt((id) => (id === group ? width : widths.get(id)));
      const difference = (list: readonly CostTerm[] = []): number =>
        sumTerms(list, before) - sumTerms(list, after);
      return {
        macs: difference(macsOf.get(group)),
        parameters: difference(parametersOf.get(group)),
      };
    },
    coupledTo(group) {
      const coupled = new Set<string>();
      for (const { axes } of [...(macsOf.get(group) ?? []), ...(parametersOf.get(group) ?? [])]) {
        for (const axis of axes) for (const part of axis.parts) coupled.add(part.group);
      }
      coupled.delete(group);
      return coupled;
    },
  };
}

function indexByGroup(terms: readonly CostTerm[]): ReadonlyMap<string, readonly CostTerm[]> {
  const index = new Map<string, Set<CostTerm>>();
  for (const term of terms) {
    for (const axis of term.axes) {
      for (const { group } of axis.parts) {
        const list = index.get(group) ?? new Set();
        index.set(group, list.add(term));
      }
    }
  }
  return new Map([...index].map(([group, list]) => [group, [...list]]));
}

function sumTerms(terms: readonly CostTerm[], sizeOf: AxisSize): number {
  let sum = 0;
  for (const { factor, axes } of terms) {
    let product = factor;
    for (const axis of axes) product *= sizeOf(axis);
    sum += product;
  }
  return sum;
}
