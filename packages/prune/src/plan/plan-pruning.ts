import {
  type ChannelGroup,
  type Criterion,
  type CriterionContext,
  constantTensor,
  createRandom,
  inferShapes,
  type Model,
  type PlannedGroup,
  type PruningPlan,
  type ShapeInference,
  type SkippedGroup,
  type Tensor,
} from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import type { Allocation, AllocationCandidate } from "./allocation.ts";
import { assertBetween, assertPositiveInteger } from "./assert-option.ts";
import { createCostModel, type PlanCost } from "./cost-model.ts";
import { type IgnoreRule, ignoreNames } from "./ignore.ts";
import { listWidths, roundWidth, type WidthRules } from "./widths.ts";

/** Options of {@link planPruning}. */
export interface PlanPruningOptions {
  /** The channel groups of the model. */
  readonly groups: readonly ChannelGroup[];
  /** Which channels of a group go first: those with the lowest scores. */
  readonly criterion: Criterion;
  /** How many go from each group, such as `uniformRatio(0.3)` or `budget({ macs: 0.5 })`. */
  readonly allocation: Allocation;
  /** Shapes at which the groups were found and costs are counted, by input name. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** Kept widths are the nearest multiple of this, at least one. Default: 1. */
  readonly channelMultiple?: number;
  /** Least number of channels that stay. Default: 1. */
  readonly minimumWidth?: number;
  /** Least fraction (0–1) of a group's channels that stays. Default: 0. */
  readonly minimumKept?: number;
  /** Groups to leave whole: ids, or rules that give a reason. Default: none. */
  readonly ignore?: readonly (string | IgnoreRule)[];
  /** Uniform numbers in [0, 1) for the criterion. Default: seed 0. */
  readonly random?: () => number;
  /** Where the criterion finds constants. Default: the model's constants. */
  readonly tensorOf?: (value: string) => Tensor;
  /** Shapes that are known already. Default: inferred from `inputShapes`. */
  readonly shapes?: ShapeInference;
}

/** What {@link PlanPruningOptions} stand for when they are left out. */
export const PLAN_PRUNING_DEFAULTS: WidthRules = {
  channelMultiple: 1,
  minimumWidth: 1,
  minimumKept: 0,
};

/**
 * Returns which channels of which groups stay, by scores and an allocation; the model is not
 * changed. Of channels with equal scores the lower index goes first. Every group is either planned
 * or skipped with a reason; the provenance holds the exact cost of the plan.
 * @throws PruneError `invalid-option`.
 * @category Analysis
 */
export function planPruning(model: Model, options: PlanPruningOptions): PruningPlan {
  const rules = resolveRules(options);
  const skipped: SkippedGroup[] = [];
  const candidates = listCandidates(model, options, rules, skipped);
  const shapes = options.shapes ?? inferShapes(model, { inputShapes: options.inputShapes });
  const cost = createCostModel(model, options.groups, shapes);
  const allocated = options.allocation({ candidates, rules, cost });
  const planned: PlannedGroup[] = [];
  for (const { group, order } of candidates) {
    const removed = Math.min(Math.max(allocated.removed.get(group.id) ?? 0, 0), group.width);
    const width = roundWidth(group.width, removed, rules);
    if (width === group.width) {
      const reason = allocated.reasons?.get(group.id) ?? reasonForWhole(group, removed, rules);
      skipped.push({ group: group.id, reason });
      continue;
    }
    const keep = order.slice(group.width - width).sort((a, b) => a - b);
    planned.push({ id: group.id, width: group.width, keep });
  }
  const predicted = cost.costOfPlan({ groups: planned });
  return {
    formatVersion: 1,
    inputShapes: options.inputShapes,
    groups: planned,
    skipped,
    provenance: {
      criterion: options.criterion.name || "custom",
      allocation: options.allocation.name || "custom",
      options: rules,
      original: cost.original,
      predicted: withRatios(predicted, cost.original),
      ...allocated.provenance,
    },
  };
}

function resolveRules(options: PlanPruningOptions): WidthRules {
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

/** Scores the groups that may be pruned, and says why the others may not. */
function listCandidates(
  model: Model,
  options: PlanPruningOptions,
  rules: WidthRules,
  skipped: SkippedGroup[],
): readonly AllocationCandidate[] {
  const context: CriterionContext = {
    tensorOf: options.tensorOf ?? createTensorLookup(model),
    random: options.random ?? createRandom(0),
  };
  const ignore = (options.ignore ?? []).map((rule) =>
    typeof rule === "string" ? ignoreNames([rule]) : rule,
  );
  const candidates: AllocationCandidate[] = [];
  for (const group of options.groups) {
    const widths = listWidths(group.width, rules);
    const reason = reasonToSkip(group, widths, rules, model, ignore);
    const scores = reason ?? score(group, options.criterion, context);
    if (typeof scores === "string") skipped.push({ group: group.id, reason: scores });
    else candidates.push({ group, scores, order: removalOrder(scores), widths });
  }
  return candidates;
}

function reasonToSkip(
  group: ChannelGroup,
  widths: readonly number[],
  rules: WidthRules,
  model: Model,
  ignore: readonly IgnoreRule[],
): string | undefined {
  if (group.blocked !== undefined) return `blocked: ${group.blocked}`;
  if (group.width < 2) return `has ${group.width} channel, and one must stay`;
  for (const rule of ignore) {
    const reason = rule(group, model);
    if (reason !== undefined) return reason;
  }
  if (widths.length > 1) return undefined;
  return `${group.width} channels cannot shrink to a multiple of ${rules.channelMultiple} that is at least the minimum (minimumWidth ${rules.minimumWidth}, minimumKept ${rules.minimumKept})`;
}

/** The scores, or why there are none. */
function score(
  group: ChannelGroup,
  criterion: Criterion,
  context: CriterionContext,
): Float64Array | string {
  let scores: Float64Array;
  try {
    scores = criterion(group, context);
  } catch (error) {
    if (error instanceof PruneError && error.code === "not-applicable") return error.message;
    throw error;
  }
  if (scores.length === group.width && !scores.some(Number.isNaN)) return scores;
  throw new PruneError(
    "invalid-option",
    `planPruning: criterion "${criterion.name}" gave ${scores.length} scores${scores.some(Number.isNaN) ? ", some of them NaN," : ""} for group "${group.id}" of ${group.width} channels; give one number per channel`,
    { group: group.id },
  );
}

/** Lowest scores first, equal ones by index: a stable argsort. */
function removalOrder(scores: Float64Array): readonly number[] {
  return Array.from(scores.keys()).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || a - b);
}

function reasonForWhole(group: ChannelGroup, removed: number, rules: WidthRules): string {
  if (removed === 0) return "the allocation removes nothing from it";
  return `removing ${Number(removed.toFixed(2))} of ${group.width} channels rounds to none at a multiple of ${rules.channelMultiple}`;
}

function createTensorLookup(model: Model): CriterionContext["tensorOf"] {
  return (name) => {
    const value = model.graph.value(name);
    const tensor = value && constantTensor(value);
    if (tensor) return tensor;
    throw new PruneError(
      "invalid-group",
      `planPruning: the model has no constant "${name}"; find the groups of this model again`,
      { value: name },
    );
  };
}

function withRatios(cost: PlanCost, original: PlanCost): Readonly<Record<string, number>> {
  return {
    ...cost,
    macsRatio: original.macs === 0 ? 1 : cost.macs / original.macs,
    parametersRatio: original.parameters === 0 ? 1 : cost.parameters / original.parameters,
  };
}
