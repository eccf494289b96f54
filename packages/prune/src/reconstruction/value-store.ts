import type { Model } from "@ocrslim/graph";
import type { Runtime, RuntimeTensor } from "@ocrslim/runtime";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";

/** Values by name, one tensor an image. */
export type ValueStore = Map<string, readonly RuntimeTensor[]>;

export function createValueStore(feeds: readonly Feeds[]): ValueStore {
  const store: ValueStore = new Map();
  for (const name of Object.keys(feeds[0] ?? {})) {
    store.set(
      name,
      feeds.flatMap((feed) => (feed[name] ? [feed[name]] : [])),
    );
  }
  return store;
}

/** Options of {@link runImages}. */
export interface RunImagesOptions {
  readonly images: number;
  /** Values that are known, for one image each. */
  readonly lookup: (name: string) => readonly RuntimeTensor[] | undefined;
  /** What else an image is fed. */
  readonly extra?: (image: number) => Readonly<Record<string, RuntimeTensor>>;
  readonly onImage: (
    outputs: Readonly<Record<string, RuntimeTensor>>,
    image: number,
  ) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** Runs a part of a model on all images, from values that are known. */
export async function runImages(
  runtime: Runtime,
  model: Model,
  options: RunImagesOptions,
): Promise<void> {
  await using session = await runtime.load(model);
  for (let image = 0; image < options.images; image++) {
    options.signal?.throwIfAborted();
    const extra = options.extra?.(image) ?? {};
    const feed: Record<string, RuntimeTensor> = { ...extra };
    for (const { name } of session.inputs) {
      const tensor = options.lookup(name)?.[image];
      if (tensor && !(name in extra)) feed[name] = tensor;
    }
    await options.onImage(await session.run(feed), image);
  }
}
