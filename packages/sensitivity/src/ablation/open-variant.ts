import type { Model, ShapeInference } from "@ocrslim/graph";
import type { Runtime } from "@ocrslim/runtime";
import { type Cut, findCut } from "./find-cut.ts";
import type { FrontierPool } from "./frontier-pool.ts";
import type { ImageOutputs } from "./image-metric.ts";
import type { ValueMatcher } from "./match-values.ts";
import { extractSuffix, listInputNames } from "./suffix-model.ts";

/** A model that can be run on any image. */
export interface Variant {
  run(image: number): Promise<ImageOutputs>;
  dispose(): Promise<void>;
}

/** What variants are opened with. */
export interface VariantContext {
  readonly baseline: Model;
  /** Of the baseline. */
  readonly shapes: ShapeInference;
  /** `undefined` for models that can't be cut: their variants are run as a whole. */
  readonly matcher: ValueMatcher | undefined;
  readonly runtime: Runtime;
  readonly frontiers: FrontierPool;
}

/** Loads a model to be run as a whole. */
export function openWhole(model: Model, context: VariantContext): Promise<Variant> {
  const cut: Cut = {
    frontier: listInputNames(model).map((name) => ({ variant: name, baseline: name })),
    changed: model.graph.outputs.map(({ name }) => name),
    unchanged: [],
  };
  return open(model, cut, context);
}

/** Loads what differs between a variant and the baseline. */
export async function openVariant(variant: Model, context: VariantContext): Promise<Variant> {
  const { baseline, matcher, shapes } = context;
  if (!matcher) return openWhole(variant, context);
  const cut = findCut(variant, matcher);
  // Nothing was changed that an output depends on.
  if (cut.changed.length === 0) return open(undefined, cut, context);
  return open(extractSuffix(variant, cut, baseline, shapes), cut, context);
}

async function open(
  model: Model | undefined,
  { frontier, changed, unchanged }: Cut,
  { runtime, frontiers }: VariantContext,
): Promise<Variant> {
  const names = new Set([...frontier, ...unchanged].map(({ baseline }) => baseline));
  const session = model && (await runtime.load(model));
  const shared = frontiers.open([...names]);
  return {
    async run(image) {
      const values = await shared.values(image);
      const rename = (list: Cut["frontier"]): ImageOutputs =>
        Object.fromEntries(
          list.flatMap(({ variant, baseline }) => {
            const tensor = values[baseline];
            return tensor ? [[variant, tensor] as const] : [];
          }),
        );
      const computed = session ? await session.run(rename(frontier), changed) : {};
      return { ...rename(unchanged), ...computed };
    },
    async dispose() {
      await session?.dispose();
      await shared.close();
    },
  };
}
