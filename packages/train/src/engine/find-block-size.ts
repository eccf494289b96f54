import { Graph, int, ints, Model, Tensor } from "@ocrslim/graph";
import type { Runtime } from "@ocrslim/runtime";
import { BLOCKED_DOMAIN } from "./blocked-layout.ts";

/** Channels that CPUs handle at once: AVX2 8, AVX-512 16. */
const CANDIDATES = [8, 16] as const;

/** More than the largest candidate, so that a wrong one shows. */
const CHANNELS = 32;

/**
 * How many channels ONNX Runtime keeps together on this CPU, found by running a depthwise convolution
 * of each candidate; `undefined` where the runtime has no such layout (other providers, other CPUs).
 */
export async function findBlockSize(runtime: Runtime): Promise<number | undefined> {
  if (runtime.executionProviders.some((provider) => provider !== "cpu")) return undefined;
  for (const blockSize of CANDIDATES) {
    if (await isBlockSize(runtime, blockSize)) return blockSize;
  }
  return undefined;
}

async function isBlockSize(runtime: Runtime, blockSize: number): Promise<boolean> {
  try {
    await using session = await runtime.load(probe(blockSize));
    const { y } = await session.run({});
    return Array.from({ length: CHANNELS }, (_, channel) => channel).every(
      (channel) => y?.data[channel] === weightOf(channel),
    );
  } catch {
    // A runtime without these operators refuses the model: that is the answer.
    return false;
  }
}

const weightOf = (channel: number): number => channel + 1;

/** y[c] = 1 · w[c] as a blocked 1×1 depthwise convolution; w is blocked by hand. */
function probe(blockSize: number): Model {
  const graph = new Graph();
  graph.name = "block-size";
  // Of one position each, the blocked order is the plain one: two positions tell them apart.
  const dims = [1, CHANNELS, 1, 2];
  const ones = graph.addInitializer(
    "x",
    Tensor.float32(dims, new Float32Array(2 * CHANNELS).fill(1)),
  );
  const weight = new Float32Array(2 * CHANNELS);
  for (let channel = 0; channel < CHANNELS; channel++) {
    const block = Math.floor(channel / blockSize) * blockSize * 2;
    weight[block + (channel % blockSize)] = weightOf(channel);
  }
  const w = graph.addInitializer("w", Tensor.float32([CHANNELS, 1, 1, 2], weight));
  const blocked = graph.createNode({
    opType: "ReorderInput",
    domain: BLOCKED_DOMAIN,
    inputs: [ones],
  }).output;
  const product = graph.createNode({
    opType: "Conv",
    domain: BLOCKED_DOMAIN,
    inputs: [blocked, w],
    attributes: { group: int(CHANNELS), kernel_shape: ints([1, 2]) },
  }).output;
  const { output } = graph.createNode({
    opType: "ReorderOutput",
    domain: BLOCKED_DOMAIN,
    inputs: [product],
    outputs: ["y"],
    attributes: { channels: int(CHANNELS) },
  });
  output.type = { kind: "tensor", dtype: "float32", shape: [1, CHANNELS, 1, 1] };
  graph.setOutputs([output]);
  const model = new Model(graph);
  model.setOpset("", 17);
  model.setOpset(BLOCKED_DOMAIN, 1);
  return model;
}
