import { type ChannelGroup, findChannelGroups, type Model } from "@ocrslim/graph";
import { createRuntime, type Feeds, type Runtime } from "@ocrslim/runtime";
import { conv, createTestModel, pageFeed, unary } from "@ocrslim/test-utils";

/** x → Conv 8 → Relu → Conv 6 → Relu → Conv 1 → Sigmoid: a map of probabilities. */
export const detector: Model = createTestModel({
  inputs: { x: [1, 3, 32, 32] },
  build: (graph, x) => {
    const first = unary(graph, "Relu", conv(graph, x, { out: 8 }));
    const second = unary(graph, "Relu", conv(graph, first, { out: 6 }));
    return unary(graph, "Sigmoid", conv(graph, second, { out: 1 }));
  },
});

export const inputShapes: Readonly<Record<string, readonly number[]>> = { x: [1, 3, 32, 32] };
export const groups: readonly ChannelGroup[] = findChannelGroups(detector, { inputShapes });
export const runtime: Runtime = createRuntime({ threads: 1 });
export const feeds: readonly Feeds[] = [1, 2].map((seed) => ({
  x: pageFeed([1, 3, 32, 32], seed),
}));

/** What a model gives for a feed. */
export async function mapOf(model: Model, feed: Feeds): Promise<Float32Array> {
  await using session = await runtime.load(model);
  return Object.values(await session.run(feed))[0]!.data as Float32Array;
}
