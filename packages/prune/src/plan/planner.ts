import {
  inferShapes,
  type Model,
  type PlannedGroup,
  type PruningPlan,
  type SkippedGroup,
} from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import type { Allocation, AllocationCandidate, AllocationContext } from "./allocation.ts";
import { assertBetween, assertPositiveInteger } from "./assert-option.ts";
import { createCostModel, type PlanCost } from "./cost-model.ts";
import { listCandidates } from "./list-candidates.ts";
import { PLAN_PRUNING_DEFAULTS, type PlannerOptions } from "./planner-options.ts";
import { roundWidth, type WidthRules } from "./widths.ts";

/** Makes plans of one model by one criterion; groups are scored once. */
export interface Planner {
  /** What allocations look at. */
  readonly context: AllocationContext;
  /** Which channels of which groups stay, by an allocation. */
  plan(allocation: Allocation): PruningPlan;
}

/**
 * Scores the groups of a model once and returns what makes plans from that, for searches that try many
 * budgets. The model is not changed and must not be until the last plan is made.
 * @throws PruneError `invalid-option`.
 * @category Analysis
 */
export function createPlanner(model: Model, options: PlannerOptions): Planner {
  const rules = resolveRules(options);
  const minimumWidths = options.minimumWidths ?? {};
  assertMinimumWidths(options, minimumWidths);
  const shapes = options.shapes ?? inferShapes(model, { inputShapes: options.inputShapes });
  const { groups, criterion } = options;
  const { candidates, skipped } = listCandidates(model, {
    groups,
    criterion,
    rules,
    minimumWidths,
    ignore: options.ignore ?? [],
    random: options.random,
    tensorOf: options.tensorOf,
  });
  const cost = createCostModel(model, groups, shapes);
  const context: AllocationContext = { groups, candidates, rules, cost };
  return {
    context,
    plan(allocation) {
      const allocated = allocation(context);
      const planned: PlannedGroup[] = [];
      const whole: SkippedGroup[] = [...skipped];
      for (const candidate of candidates) {
        const { group } = candidate;
        const removed = Math.min(Math.max(allocated.removed.get(group.id) ?? 0, 0), group.width);
        const entry = planGroup(candidate, removed);
        if (entry) planned.push(entry);
        else {
          const reason = allocated.reasons?.get(group.id) ?? reasonForWhole(candidate, removed);
          whole.push({ group: group.id, reason });
        }
      }
      return {
        formatVersion: 1,
        inputShapes: options.inputShapes,
        groups: planned,
        skipped: whole,
        provenance: {
          criterion: criterion.name || "custom",
          allocation: allocation.name || "custom",
          options: { ...rules, ...(options.minimumWidths ? { minimumWidths } : {}) },
          original: cost.original,
          predicted: withRatios(cost.costOfPlan({ groups: planned }), cost.original),
          ...allocated.provenance,
        },
      };
    },
  };
}

function resolveRules(options: PlannerOptions): WidthRules {
  const rules: WidthRules = {
    channelMultiple: options.channelMultiple ?? PLAN_PRUNING_DEFAULTS.channelMultiple,
    minimumWidth: options.minimumWidth ?? PLAN_PRUNING_DEFAULTS.minimumWidth,
    minimumKept: options.minimumKept ?? PLAN_PRUNING_DEFAULTS.minimumKept,
  };
  assertPositiveInteger("planPruning", "channelMultiple", rules.channelMultiple);
  assertPositiveInteger("planPruning", "minimumWidth", rules.minimumWidth);
  assertBetween("planPruning", "minimumKept", rules.minimumKept, 0, 1);
  return rules;
}

function assertMinimumWidths(
  { groups }: PlannerOptions,
  minimumWidths: Readonly<Record<string, number>>,
): void {
  const ids = new Set(groups.map(({ id }) => id));
  for (const [id, width] of Object.entries(minimumWidths)) {
    assertPositiveInteger("planPruning", `minimumWidths["${id}"]`, width);
    if (ids.has(id)) continue;
    throw new PruneError(
      "invalid-option",
      `planPruning: minimumWidths names group "${id}", which the model does not have; list its groups`,
      { group: id },
    );
  }
}

function planGroup(
  { group, order, rules }: AllocationCandidate,
  removed: number,
): PlannedGroup | undefined {
  const width = roundWidth(group.width, removed, rules);
  if (width === group.width) return undefined;
  const keep = order.slice(group.width - width).sort((a, b) => a - b);
  return { id: group.id, width: group.width, keep };
}

function reasonForWhole({ group, rules }: AllocationCandidate, removed: number): string {
  if (removed === 0) return "the allocation removes nothing from it";
  return `removing ${Number(removed.toFixed(2))} of ${group.width} channels rounds to none at a multiple of ${rules.channelMultiple}`;
}

function withRatios(cost: PlanCost, original: PlanCost): Readonly<Record<string, number>> {
  return {
    ...cost,
    macsRatio: original.macs === 0 ? 1 : cost.macs / original.macs,
    parametersRatio: original.parameters === 0 ? 1 : cost.parameters / original.parameters,
  };
}
