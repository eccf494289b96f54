import {
  type ChannelGroup,
  cloneModel,
  createRandom,
  createRunContext,
  findChannelGroups,
  type Model,
  type PruningPlan,
  readModel,
  resolveInputShapes,
} from "@ocrslim/graph";
import {
  buildRandomModel,
  expectSameOutputs,
  maskConsumers,
  pageFeed,
  randomModel,
  sampleModel,
  sharedPath,
} from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pruneChannels } from "../src/index.ts";

/** Cuts every group that is not blocked by about `ratio`, at random. */
function randomPlan(
  groups: readonly ChannelGroup[],
  inputShapes: PruningPlan["inputShapes"],
  ratio: number,
  seed: number,
): PruningPlan {
  const random = createRandom(seed);
  const free = groups.filter((group) => group.blocked === undefined);
  return {
    formatVersion: 1,
    inputShapes,
    groups: free.map(({ id, width }) => {
      const kept = Array.from({ length: width }, (_, channel) => channel).filter(
        () => random() >= ratio,
      );
      return { id, width, keep: kept.length > 0 ? kept : [Math.floor(random() * width)] };
    }),
    skipped: [],
    provenance: {},
  };
}

async function expectPrunedEqualsMasked(
  model: Model,
  inputShapes: PruningPlan["inputShapes"],
  ratio: number,
  seed = 1,
): Promise<number> {
  const groups = findChannelGroups(model, { inputShapes });
  const plan = randomPlan(groups, inputShapes, ratio, seed);
  const masked = maskConsumers(model, groups, plan);
  const pruned = cloneModel(model);
  await pruneChannels({ plan }).run(pruned, createRunContext());
  const [input, ...others] = model.graph.inputs;
  const dims = inputShapes[input?.name ?? ""] ?? [];
  const [batch = 1, channels = 1, height = 1, width = 1] = dims;
  // Where there is a page to see, a detector's map is not all but zero.
  const isImage = others.length === 0 && dims.length === 4 && channels === 3 && height >= 32;
  const run = {
    inputShapes,
    ...(isImage && input
      ? { feeds: [{ [input.name]: pageFeed([batch, channels, height, width], seed) }] }
      : { seeds: [seed] }),
  };
  await expectSameOutputs(pruned, masked, run);
  // Sums of thousands of float32 products, in another order: the tolerance is that of their size.
  await expectSameOutputs(pruned, masked, {
    ...run,
    values: logits(model),
    atol: 1e-3,
    rtol: 1e-3,
  });
  return plan.groups.reduce((sum, { width, keep }) => sum + width - keep.length, 0);
}

/** What enters the Sigmoid or Softmax of an output: probabilities alone would hide differences. */
function logits(model: Model): string[] {
  return model.graph.outputs.flatMap((output) => {
    const input = output.producer?.inputs[0];
    const isSquashed =
      output.producer?.opType === "Sigmoid" || output.producer?.opType === "Softmax";
    return isSquashed && input ? [input.name] : [];
  });
}

describe("pruneChannels", () => {
  it("equals the original with the removed channels zeroed at every consumer, on random graphs", async () => {
    let removed = 0;
    await fc.assert(
      fc.asyncProperty(
        randomModel(),
        fc.double({ min: 0.1, max: 0.8, noNaN: true }),
        fc.integer({ min: 1, max: 1000 }),
        async (description, ratio, seed) => {
          const model = buildRandomModel(description);
          const inputShapes = resolveInputShapes(model);
          removed += await expectPrunedEqualsMasked(model, inputShapes, ratio, seed);
        },
      ),
      { numRuns: 150, seed: 7 },
    );
    expect(removed).toBeGreaterThan(300);
  });
});

const realModels: readonly (readonly [string, string | undefined, PruningPlan["inputShapes"]])[] = [
  ["PP-OCRv4 det", sampleModel("det"), { x: [1, 3, 96, 128] }],
  ["PP-OCRv4 rec", sampleModel("rec"), { x: [1, 3, 48, 160] }],
  ["PP-OCR cls", sampleModel("cls"), { x: [1, 3, 48, 192] }],
  ["PP-OCRv6 small", sharedPath("models/PP-OCRv6_det_small.onnx"), { x: [1, 3, 96, 128] }],
  ...[
    "efficientnet_b0.ts",
    "mnasnet0_5.ts",
    "mobilenet_v2.dynamo",
    "mobilenet_v3_small.ts",
    "shufflenet_v2_x0_5.ts",
    "squeezenet1_1.ts",
  ].map((name) => [name, sharedPath(`fixtures/graphs/${name}.onnx`), {}] as const),
];

describe.each(realModels)("pruneChannels on %s", (_name, path, given) => {
  it.skipIf(!path).each([0.1, 0.3, 0.6])(
    "equals the masked original at ratio %s (needs the model)",
    async (ratio) => {
      const model = await readModel(path ?? "");
      const inputShapes = { ...resolveInputShapes(model, { size: [96, 128] }), ...given };
      expect(await expectPrunedEqualsMasked(model, inputShapes, ratio)).toBeGreaterThan(0);
    },
  );
});
