import type { RunContext } from "../../contracts/run-context.ts";
import { GraphError } from "../../errors.ts";
import { cloneModel } from "../../ir/clone.ts";
import type { Model } from "../../ir/model.ts";
import { inferShapes } from "../../shapes/infer-shapes.ts";
import type { ShapeInference } from "../../shapes/types.ts";
import { isOperator } from "../support/edit.ts";
import { inferPartialShapes, type PartialShapes } from "../support/partial-shapes.ts";
import { estimateCost } from "./cost-rule.ts";
import { extractMicroModels, hasFixedInputs, type MicroModels } from "./micro-models.ts";
import type { Rewrite, RewriteVariant } from "./rewrite.ts";

/** What came of one rewrite at one place: of its best variant. */
export interface Trial {
  readonly rewrite: Rewrite;
  readonly variant: string;
  readonly place: string;
  readonly ratio: number;
  readonly basis: "measured" | "rule";
  readonly accepted: boolean;
}

/** How {@link tryRewrites} judges. */
export interface TryOptions {
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  readonly measure?: (models: MicroModels) => Promise<number>;
  readonly margin: number;
  readonly context: RunContext;
  readonly onTrial: (trial: Trial) => void;
}

/** Accepted rewrites may make room for others; the list is gone through at most this often. */
const MAX_ROUNDS = 4;

/** What costs this much more by the rule is not worth a measurement. */
const HOPELESS = 1.3;

/** Wins by less than this beyond the margin are measured again, and the worse ratio counts. */
const NARROW = 0.1;

/** Parts of the model that cost less than this fraction of it are judged by the rule alone. */
const NEGLIGIBLE = 0.002;

/** Tries each rewrite at each place, and edits the model where it is faster. */
export async function tryRewrites(
  model: Model,
  rewrites: readonly Rewrite[],
  options: TryOptions,
): Promise<void> {
  const refused = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let accepted = false;
    for (const rewrite of rewrites) {
      accepted = (await tryEverywhere(model, rewrite, refused, options)) || accepted;
    }
    if (!accepted) return;
  }
}

async function tryEverywhere(
  model: Model,
  rewrite: Rewrite,
  refused: Set<string>,
  options: TryOptions,
): Promise<boolean> {
  const { graph } = model;
  const places = [...graph.nodes].filter((node) => isOperator(node, ...rewrite.opTypes));
  if (rewrite.fromEnd) places.reverse();
  let known: PartialShapes | undefined;
  let shapes: ShapeInference | undefined;
  let whole: number | undefined;
  let accepted = false;
  for (const { key: place } of places) {
    options.context.signal?.throwIfAborted();
    const id = `${rewrite.kind} ${place}`;
    const node = graph.value(place)?.producer;
    if (!node || refused.has(id)) continue;
    known ??= inferPartialShapes(graph, model.opset);
    if (!rewrite.matches(node, { model, known })) continue;
    const drafts = draftVariants(model, rewrite, place);
    if (drafts.length === 0) continue;
    const { inputShapes = {} } = options;
    shapes ??= inferShapes(model, { inputShapes });
    whole ??= estimateCost(model, shapes);
    const best = await judgeDrafts({ model, shapes, whole }, drafts, options);
    const isFaster = best.ratio < 1 - options.margin;
    if (isFaster) {
      applyVariant(model, best.variant, place);
      known = undefined;
      shapes = undefined;
      accepted = true;
    }
    if (!isFaster || rewrite.isReversible) refused.add(id);
    const { ratio, basis, variant } = best;
    options.onTrial({ rewrite, variant: variant.name, place, ratio, basis, accepted: isFaster });
  }
  return accepted;
}

interface Draft {
  readonly variant: RewriteVariant;
  readonly model: Model;
}

function draftVariants(model: Model, rewrite: Rewrite, place: string): readonly Draft[] {
  return rewrite.variants.flatMap((variant) => {
    const copy = cloneModel(model);
    return applyVariant(copy, variant, place) ? [{ variant, model: copy }] : [];
  });
}

function applyVariant(model: Model, variant: RewriteVariant, place: string): boolean {
  const node = model.graph.value(place)?.producer;
  const known = inferPartialShapes(model.graph, model.opset);
  return node !== undefined && variant.apply(node, { model, known });
}

interface Judgement {
  readonly variant: RewriteVariant;
  readonly ratio: number;
  readonly basis: "measured" | "rule";
}

/** The model as it is, and its cost by the rule. */
interface Present {
  readonly model: Model;
  readonly shapes: ShapeInference;
  readonly whole: number;
}

async function judgeDrafts(
  present: Present,
  drafts: readonly Draft[],
  options: TryOptions,
): Promise<Judgement> {
  let best: Judgement | undefined;
  for (const draft of drafts) {
    const judgement = await judge(present, draft, options);
    if (!best || judgement.ratio < best.ratio) best = judgement;
  }
  if (!best) throw new TypeError("judgeDrafts: no drafts");
  return best;
}

async function judge(
  { model, shapes, whole }: Present,
  { variant, model: after }: Draft,
  { measure, margin }: TryOptions,
): Promise<Judgement> {
  const models = extractMicroModels(model, after, shapes);
  if (!models.every(hasFixedInputs)) {
    return { variant, ratio: Number.POSITIVE_INFINITY, basis: "rule" };
  }
  const [costBefore, costAfter] = models.map((micro) => estimateCost(micro, inferShapes(micro)));
  const ratio = (costAfter ?? Number.NaN) / (costBefore ?? Number.NaN);
  const isNegligible = (costBefore ?? 0) < NEGLIGIBLE * whole;
  if (!measure || ratio > HOPELESS || isNegligible) return { variant, ratio, basis: "rule" };
  const first = await measureChecked(measure, models);
  // A narrow win has to be won twice.
  const isNarrow = first < 1 - margin && first > 1 - margin - NARROW;
  const measured = isNarrow ? Math.max(first, await measureChecked(measure, models)) : first;
  return { variant, ratio: measured, basis: "measured" };
}

async function measureChecked(
  measure: (models: MicroModels) => Promise<number>,
  models: MicroModels,
): Promise<number> {
  const measured = await measure(models);
  if (Number.isFinite(measured) && measured > 0) return measured;
  throw new GraphError(
    "invalid-option",
    `fitRuntime: measure returned ${measured}; it must return a positive number, time after ÷ before`,
  );
}
