import {
  createRandom,
  Graph,
  ints,
  Model,
  type RunContext,
  Tensor,
  type Value,
} from "@ocrslim/graph";
import { randomFeeds } from "../feeds.ts";
import { quantile } from "../latency.ts";
import type { Runtime, SessionOptions } from "../types.ts";
import { attributeKernels, markLayers } from "./attribute-kernels.ts";
import { listTimedLayers } from "./list-timed-layers.ts";
import { openProfiledSession, type ProfiledSession } from "./profiled-session.ts";

/** @internal How {@link findChannelMultiple} measures. */
export interface FindChannelMultipleOptions {
  readonly threads: number | undefined;
  readonly context: RunContext;
}

/** Blocks that are looked for, and the width at which one of each begins. */
const CANDIDATES = [32, 16, 8, 4, 2] as const;
const BASE = 32;
const WIDTHS = [32, 33, 34, 35, 36, 37, 38, 39, 40, 44, 48, 56, 64] as const;

/** Index of the layer of the probe that counts. */
const PROBED = 2;

const SIDE = 40;
const ROUNDS = 25;
const WARMUP = 2;

/**
 * What widths within a step must cost at least: of the time of the next step, and of the way up to it
 * (halfway is what they cost if there are no stairs, or steps that are half as long).
 */
const TIME_SHARE = 0.94;
const STEP_SHARE = 0.6;

/**
 * @internal Measures how many channels a block has: the longest step of the stairs that a 3×3
 * convolution to 32 channels climbs when its input goes from 32 to 64 channels. Its input, as kernels
 * take one block of it after the other; of the output they take several at a time, and steps of
 * unlike height come of it. 1 if there are no steps.
 */
export async function findChannelMultiple(
  runtime: Runtime,
  options: FindChannelMultipleOptions,
): Promise<number> {
  const times = await timeWidths(runtime, options);
  const list = [...times].map(([width, ms]) => `${width}: ${ms.toFixed(2)}`).join(", ");
  options.context.logger.debug(`buildLatencyTable: ms by width of the probe: ${list}`);
  return longestStep((width) => times.get(width) ?? Number.NaN);
}

/** @internal Exported for tests: `timeAt` gives the time of any of the probed widths. */
export function longestStep(timeAt: (width: number) => number): number {
  const first = timeAt(BASE);
  for (const size of CANDIDATES) {
    const next = timeAt(BASE + size);
    const least = Math.max(TIME_SHARE * next, first + STEP_SHARE * (next - first));
    const within = WIDTHS.filter((width) => width > BASE && width < BASE + size);
    if (next > first && within.every((width) => timeAt(width) >= least)) return size;
  }
  return 1;
}

async function timeWidths(
  runtime: Runtime,
  { threads, context }: FindChannelMultipleOptions,
): Promise<ReadonlyMap<number, number>> {
  const options: SessionOptions = threads === undefined ? {} : { threads };
  const sessions: ProfiledSession[] = [];
  try {
    for (const width of WIDTHS) {
      const model = createProbe(width);
      const layers = listTimedLayers(model);
      const feeds = randomFeeds(model, {}, createRandom(0));
      sessions.push(await openProfiledSession(runtime, markLayers(model, layers), feeds, options));
    }
    for (let round = 0; round < WARMUP + ROUNDS; round++) {
      context.signal?.throwIfAborted();
      for (const session of round % 2 === 0 ? sessions : sessions.toReversed()) {
        await session.run();
      }
    }
    const times = new Map<number, number>();
    for (const [index, session] of sessions.entries()) {
      const runs = attributeKernels(await session.finish(), PROBED + 1).slice(WARMUP);
      const samples = runs.map((layers) => layers[PROBED] ?? Number.NaN);
      times.set(WIDTHS[index] ?? 0, quantile(samples, 0.1));
    }
    return times;
  } finally {
    for (const session of sessions) await session.dispose();
  }
}

/** 32 → 32 → width → 32 channels at 40×40 by convolutions, the last one 3×3. */
function createProbe(width: number): Model {
  const graph = new Graph();
  graph.name = "probe";
  const random = createRandom(width);
  const shape = [1, BASE, SIDE, SIDE];
  const conv = (value: Value, from: number, to: number, kernel: number): Value => {
    const pad = (kernel - 1) / 2;
    const dims = [to, from, kernel, kernel];
    const elements = Float32Array.from(
      { length: to * from * kernel * kernel },
      () => random() - 0.5,
    );
    const weight = graph.addInitializer("weight", Tensor.float32(dims, elements));
    return graph.createNode({
      opType: "Conv",
      inputs: [value, weight],
      attributes: { pads: ints([pad, pad, pad, pad]), kernel_shape: ints([kernel, kernel]) },
    }).output;
  };
  const input = graph.addInput("x", { kind: "tensor", dtype: "float32", shape });
  const output = conv(conv(conv(input, BASE, BASE, 1), BASE, width, 1), width, BASE, 3);
  output.type = { kind: "tensor", dtype: "float32", shape };
  graph.setOutputs([output]);
  const model = new Model(graph);
  model.irVersion = 8;
  model.setOpset("", 13);
  return model;
}
