import {
  type ChannelGroup,
  type Criterion,
  createRandom,
  findChannelGroups,
  type Model,
} from "@ocrslim/graph";
import { type Feeds, type Runtime, type RuntimeTensor, randomFeeds } from "@ocrslim/runtime";
import { conv, createTestModel, residual, seGate, unary } from "@ocrslim/test-utils";
import type { ImageMetric, ImageOutputs } from "../../src/ablation/image-metric.ts";

/** A few blocks of what detectors are made of; input `x`, 3 channels, any size. */
export const network: Model = createTestModel({
  inputs: { x: [1, 3, 8, 8] },
  build: (graph, x) => {
    const stem = unary(graph, "Relu", conv(graph, x, { out: 8 }));
    const trunk = residual(graph, stem, (inside) =>
      conv(graph, unary(graph, "Relu", conv(graph, inside, { out: 12 })), { out: 8 }),
    );
    const gated = seGate(graph, conv(graph, trunk, { out: 10 }), { squeeze: 4 });
    return unary(graph, "Sigmoid", conv(graph, gated, { out: 1 }));
  },
});

export const inputShapes: Readonly<Record<string, readonly number[]>> = { x: [1, 3, 8, 8] };

export function freeGroups(
  model: Model,
  shapes: typeof inputShapes = inputShapes,
): readonly ChannelGroup[] {
  return findChannelGroups(model, { inputShapes: shapes }).filter(
    ({ blocked, width }) => blocked === undefined && width > 1,
  );
}

/** Ranks channels by index, the last first. */
export const byIndex: Criterion = ({ width }) =>
  Float64Array.from({ length: width }, (_, channel) => -channel);

/** Random images. */
export function randomImages(
  model: Model,
  count: number,
  shapes: typeof inputShapes = inputShapes,
): Feeds[] {
  return Array.from({ length: count }, (_, image) =>
    randomFeeds(model, shapes, createRandom(100 + image)),
  );
}

/** The outputs of a model, run as a whole. */
export async function runPlainly(
  runtime: Runtime,
  model: Model,
  images: readonly Feeds[],
): Promise<ImageOutputs[]> {
  await using session = await runtime.load(model);
  const outputs: ImageOutputs[] = [];
  for (const feeds of images) outputs.push(await session.run(feeds));
  return outputs;
}

/** A metric whose scores are the outputs themselves. */
export interface RecordingMetric extends ImageMetric<number> {
  /** Outputs scored last, by image. */
  readonly seen: Map<number, ImageOutputs>;
  /** How often images were loaded. */
  loads: number;
}

/** 1 / (1 + mean of the outputs' squares): any difference shows. Keeps what it is given. */
export function recordOutputs(images: readonly Feeds[]): RecordingMetric {
  const seen = new Map<number, ImageOutputs>();
  const metric: RecordingMetric = {
    name: "energy",
    images: images.length,
    seen,
    loads: 0,
    feeds(image) {
      metric.loads++;
      return images[image]!;
    },
    score(image, outputs) {
      seen.set(image, outputs);
      return energyOf(outputs);
    },
    combine: (scores) => 1 / (1 + scores.reduce((sum, score) => sum + score, 0) / scores.length),
  };
  return metric;
}

export function energyOf(outputs: ImageOutputs): number {
  return Object.values(outputs).reduce((sum, { data }) => sum + meanSquare(data), 0);
}

function meanSquare(data: RuntimeTensor["data"]): number {
  let sum = 0;
  for (const value of data) sum += Number(value) ** 2;
  return sum / data.length;
}
