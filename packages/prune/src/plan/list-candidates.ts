import {
  type ChannelGroup,
  type Criterion,
  type CriterionContext,
  constantTensor,
  createRandom,
  type Model,
  type SkippedGroup,
  type Tensor,
} from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import type { AllocationCandidate } from "./allocation.ts";
import { type IgnoreRule, ignoreNames } from "./ignore.ts";
import { listWidths, type WidthRules } from "./widths.ts";

/** Which groups may be pruned, and in what order their channels go. */
export interface CandidateOptions {
  readonly groups: readonly ChannelGroup[];
  readonly criterion: Criterion;
  readonly rules: WidthRules;
  /** Least widths of single groups, by id. */
  readonly minimumWidths: Readonly<Record<string, number>>;
  readonly ignore: readonly (string | IgnoreRule)[];
  readonly random: (() => number) | undefined;
  readonly tensorOf: ((value: string) => Tensor) | undefined;
}

/** Scores the groups that may be pruned, and says why the others may not. */
export function listCandidates(
  model: Model,
  options: CandidateOptions,
): {
  readonly candidates: readonly AllocationCandidate[];
  readonly skipped: readonly SkippedGroup[];
} {
  const context: CriterionContext = {
    tensorOf: options.tensorOf ?? createTensorLookup(model),
    random: options.random ?? createRandom(0),
  };
  const ignore = options.ignore.map((rule) =>
    typeof rule === "string" ? ignoreNames([rule]) : rule,
  );
  const candidates: AllocationCandidate[] = [];
  const skipped: SkippedGroup[] = [];
  for (const group of options.groups) {
    const rules = rulesOf(group, options);
    const widths = listWidths(group.width, rules);
    const reason = reasonToSkip(group, widths, rules, model, ignore);
    const scores = reason ?? score(group, options.criterion, context);
    if (typeof scores === "string") skipped.push({ group: group.id, reason: scores });
    else candidates.push({ group, scores, order: removalOrder(scores), widths, rules });
  }
  return { candidates, skipped };
}

function rulesOf({ id }: ChannelGroup, { rules, minimumWidths }: CandidateOptions): WidthRules {
  const own = minimumWidths[id];
  return own === undefined ? rules : { ...rules, minimumWidth: Math.max(rules.minimumWidth, own) };
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
