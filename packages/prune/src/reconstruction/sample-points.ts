import type { Model, RunOptions } from "@ocrslim/graph";
import type { Runtime, RuntimeTensor } from "@ocrslim/runtime";
import { PruneError } from "../errors.ts";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";

/** Points of an image, in fractions (0–1) of its height and width. */
export interface SamplePoints {
  readonly vertical: Float64Array;
  readonly horizontal: Float64Array;
}

/** Positions an image, so that all images together give enough rows and not too many. */
export function defaultPositions(images: number): number {
  return Math.round(Math.min(1000, Math.max(250, 24_000 / images)));
}

/** Options of {@link sampleImages}. */
export interface SampleImagesOptions extends RunOptions {
  /** Name of the function that asks, for messages. */
  readonly caller: string;
  readonly feeds: readonly Feeds[];
  readonly runtime: Runtime;
  readonly random: () => number;
  /** Points of each image. */
  readonly positions: number;
  readonly textWeight: number;
  /** Takes the model's outputs for one image. */
  readonly onOutputs?: (
    outputs: Readonly<Record<string, RuntimeTensor>>,
    index: number,
  ) => void | Promise<void>;
}

/**
 * Draws points of each image, by the probability map that the model gives for it, which costs one run
 * of the model an image.
 * @throws PruneError `invalid-option` if an output is not finite.
 */
export async function sampleImages(
  model: Model,
  options: SampleImagesOptions,
): Promise<readonly SamplePoints[]> {
  const { feeds, random, positions, textWeight } = options;
  const names = model.graph.outputs.map(({ name }) => name);
  await using session = await options.runtime.load(model);
  const points: SamplePoints[] = [];
  for (const [index, feed] of feeds.entries()) {
    options.signal?.throwIfAborted();
    const outputs = await session.run(feed);
    for (const name of names) assertFinite(options.caller, name, index, outputs[name]);
    points.push(drawPoints(positions, random, textWeight, textMap(outputs, names)));
    await options.onOutputs?.(outputs, index);
  }
  return points;
}

function assertFinite(
  caller: string,
  name: string,
  image: number,
  tensor: RuntimeTensor | undefined,
): void {
  if (!(tensor?.data instanceof Float32Array) || tensor.data.every(Number.isFinite)) return;
  throw new PruneError(
    "invalid-option",
    `${caller}: output "${name}" of the unpruned model is not finite for image feeds[${image}]; look for NaN or infinite weights and inputs`,
    { value: name },
  );
}

/**
 * Draws points of an image, each place with weight 1 + `textWeight` · [the map is above 0.1 there],
 * so that text and its borders get more than their share.
 * @param map Probability map [height, width], or undefined for uniform points.
 */
export function drawPoints(
  count: number,
  random: () => number,
  textWeight: number,
  map?: { readonly data: Float32Array; readonly height: number; readonly width: number },
): SamplePoints {
  const vertical = new Float64Array(count);
  const horizontal = new Float64Array(count);
  for (let drawn = 0; drawn < count; ) {
    const y = random();
    const x = random();
    if (map) {
      const at = Math.floor(y * map.height) * map.width + Math.floor(x * map.width);
      const weight = 1 + textWeight * ((map.data[at] ?? 0) > 0.1 ? 1 : 0);
      if (random() * (1 + textWeight) > weight) continue;
    }
    vertical[drawn] = y;
    horizontal[drawn] = x;
    drawn++;
  }
  return { vertical, horizontal };
}

/** The probability map, if that is what the model gives: one output [1, 1, height, width]. */
function textMap(
  values: Readonly<Record<string, RuntimeTensor>>,
  outputs: readonly string[],
): { data: Float32Array; height: number; width: number } | undefined {
  const map = outputs.length === 1 ? values[outputs[0] ?? ""] : undefined;
  const [batch, channels, height = 0, width = 0] = map?.dims ?? [];
  if (!map || batch !== 1 || channels !== 1 || map.dims.length !== 4 || height * width === 0)
    return undefined;
  return { data: map.data as Float32Array, height, width };
}

/** Positions of a map [height, width] at the points; all positions where there are no more of them. */
export function positionsAt(points: SamplePoints, height: number, width: number): Int32Array {
  if (height * width <= points.vertical.length)
    return Int32Array.from({ length: height * width }, (_, at) => at);
  return Int32Array.from(points.vertical, (vertical, index) => {
    const row = Math.min(Math.floor(vertical * height), height - 1);
    return row * width + Math.min(Math.floor((points.horizontal[index] ?? 0) * width), width - 1);
  });
}
