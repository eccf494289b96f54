import { type Logger, type Model, Tensor } from "@ocrslim/graph";
import { type Feeds, float32Feed } from "@ocrslim/runtime";
import { unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { analyzeReconstruction } from "../../src/reconstruction/analyze-reconstruction.ts";
import { polishOutput } from "../../src/reconstruction/polish-output.ts";
import { reconstructLayers } from "../../src/reconstruction/reconstruct.ts";
import {
  DIMS,
  directTo,
  feedsOf,
  firstGroup,
  layerKinds,
  planOf,
  prune,
  runtime,
} from "./support.ts";

const [, build] = layerKinds[1]!;
const teacher = directTo(build);
const group = firstGroup(teacher);
const plan = planOf({ [group.id]: [0, 2, 5] }, teacher);
const inputShapes = { x: DIMS };

function filled(value: number): Feeds {
  return { x: float32Feed(DIMS, new Float32Array(297).fill(value)) };
}

/** An image with one number in it that is none. */
function spoiled(): Feeds {
  const [feed] = feedsOf(1);
  const data = Float32Array.from(feed!["x"]!.data as Float32Array);
  data[17] = Number.NaN;
  return { x: float32Feed(DIMS, data) };
}

async function analyze(feeds: readonly Feeds[], logger?: Logger, model: Model = teacher) {
  const groups = [firstGroup(model)];
  return await analyzeReconstruction(model, {
    groups,
    inputShapes,
    feeds,
    runtime,
    ...(logger ? { logger } : {}),
  });
}

async function refit(feeds: readonly Feeds[], logger?: Logger) {
  const student = await prune(teacher, plan);
  return await reconstructLayers(student, {
    teacher,
    plan,
    feeds,
    runtime,
    ...(logger ? { logger } : {}),
  });
}

function createLogger(): { logger: Logger; warnings: string[] } {
  const warnings: string[] = [];
  const logger = { debug() {}, info() {}, warn: (text: string) => warnings.push(text), error() {} };
  return { logger, warnings };
}

describe.each([
  ["the analysis", analyze],
  ["the refit", refit],
  [
    "the polish",
    async (feeds: readonly Feeds[], logger?: Logger) => {
      const model = directTo((graph, x) => unary(graph, "Sigmoid", build(graph, x)));
      const heldOut = feedsOf(1, 9);
      const options = { teacher: model, feeds, heldOut, runtime, ...(logger ? { logger } : {}) };
      return await polishOutput(
        directTo((graph, x) => unary(graph, "Sigmoid", build(graph, x)), 2),
        options,
      );
    },
  ],
] as const)("%s", (_name, run) => {
  it.each([
    ["no images at all", [], "no calibration inputs"],
    ["blank images only", [filled(0), filled(0.5)], "blank"],
    [
      "an image with NaN, which it names",
      [...feedsOf(1), spoiled()],
      'feeds[1] holds NaN at element 17 of "x"',
    ],
  ])("refuses %s", async (_what, feeds, message) => {
    await expect(run(feeds)).rejects.toMatchObject({
      code: "invalid-option",
      message: expect.stringContaining(message),
    });
  });

  it("refuses images that the model can't take", async () => {
    const feeds = [
      {
        x: float32Feed(
          [1, 4, 9, 11],
          new Float32Array(396).map((_, i) => i),
        ),
      },
    ];
    await expect(run(feeds)).rejects.toMatchObject({ code: "invalid-feed" });
  });

  it("warns of one image only, and of copies", async () => {
    const [one] = feedsOf(1);
    for (const feeds of [[one!], [one!, one!, one!]]) {
      const { logger, warnings } = createLogger();
      await run(feeds, logger);
      expect(warnings.filter((text) => text.includes("1 of"))).toHaveLength(1);
    }
  });
});

describe("few or bad numbers", () => {
  it("holds on to the old weights more where images are copies of each other", async () => {
    const [one, two, three] = feedsOf(3);
    const dampingOf = async (feeds: readonly Feeds[]): Promise<number> =>
      (await refit(feeds)).at(-1)!.damping!;
    const different = await dampingOf([one!, two!, three!]);
    const copies = await dampingOf([one!, one!, one!]);
    expect(different).toBe(1e-3);
    expect(copies).toBeGreaterThan(different);
    // As if the image had been given once.
    expect(copies).toBeCloseTo(await dampingOf([one!]), 6);
  });

  it("names a weight that is not finite", async () => {
    const broken = directTo(build);
    const weight = broken.graph.outputs[0]!.producer!.input(1)!;
    const data = Float32Array.from(weight.tensor!.float32Values());
    data[0] = Number.POSITIVE_INFINITY;
    weight.tensor = Tensor.float32(weight.tensor!.dims, data);
    await expect(analyze(feedsOf(2), undefined, broken)).rejects.toMatchObject({
      code: "invalid-option",
      value: expect.any(String),
    });
  });

  it("names an output that is not finite", async () => {
    const roots = (seed: number): Model =>
      directTo((graph, x) => unary(graph, "Sqrt", build(graph, x)), seed);
    await expect(analyze(feedsOf(2), undefined, roots(1))).rejects.toMatchObject({
      code: "invalid-option",
      message: expect.stringContaining("feeds[0]"),
      value: roots(1).graph.outputs[0]!.name,
    });
  });
});
