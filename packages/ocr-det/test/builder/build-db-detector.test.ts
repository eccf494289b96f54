import { checkModel, inferShapes, type Model, simplify, transform } from "@ocrslim/graph";
import { expectSameOutputs } from "@ocrslim/test-utils";
import { describe, expect, test } from "vitest";
import { buildDbDetector } from "../../src/builder/build-db-detector.ts";
import type { DbDetectorConfig } from "../../src/builder/config.ts";
import { OcrDetError } from "../../src/errors.ts";

const SMALL: DbDetectorConfig = {
  backbone: { name: "MobileNetV3", modelName: "large", scale: 0.35 },
  neck: { name: "DBFPN", outChannels: 32 },
};

/** Model, scale, without SE; tensors and numbers in the state dict of Paddle's model (DBFPN 96). */
const MOBILE_NETS: readonly [
  "large" | "small",
  0.35 | 0.5 | 0.75 | 1 | 1.25,
  boolean,
  number,
  number,
][] = [
  ["large", 0.35, false, 301, 569890],
  ["large", 0.35, true, 269, 385410],
  ["large", 0.5, false, 301, 975336],
  ["large", 0.5, true, 269, 595794],
  ["large", 0.75, false, 301, 1940690],
  ["large", 0.75, true, 269, 1090362],
  ["large", 1.0, false, 301, 3233544],
  ["large", 1.0, true, 269, 1723098],
  ["large", 1.25, false, 301, 4923302],
  ["large", 1.25, true, 269, 2564386],
  ["small", 0.35, false, 245, 285148],
  ["small", 0.35, true, 209, 228490],
  ["small", 0.5, false, 245, 420962],
  ["small", 0.5, true, 209, 305986],
  ["small", 0.75, false, 245, 729180],
  ["small", 0.75, true, 209, 470338],
  ["small", 1.0, false, 245, 1127216],
  ["small", 1.0, true, 209, 671194],
  ["small", 1.25, false, 245, 1650340],
  ["small", 1.25, true, 209, 935146],
];

function tensorOf(model: Model, name: string): Float32Array {
  const tensor = model.graph.value(name)?.tensor;
  if (!tensor) throw new Error(`there is no ${name}`);
  return tensor.float32Values();
}

function listParameterNames(model: Model): readonly string[] {
  return model.graph.initializers
    .map(({ name }) => name)
    .filter((name) => /^(backbone|neck|head)\./.test(name));
}

describe("buildDbDetector", () => {
  test.each(MOBILE_NETS)(
    "MobileNetV3 %s ×%d, SE disabled %s, has Paddle's %d tensors with %d numbers",
    (modelName, scale, disableSe, tensors, parameters) => {
      const model = buildDbDetector({
        backbone: { name: "MobileNetV3", modelName, scale, disableSe },
        neck: { name: "DBFPN", outChannels: 96 },
        graph: "training",
      });
      const names = listParameterNames(model);
      expect(names).toHaveLength(tensors);
      expect(names.reduce((sum, name) => sum + tensorOf(model, name).length, 0)).toBe(parameters);
      expect(checkModel(model)).toEqual([]);
    },
  );

  test("an inference graph has one map of the input's size, a training graph three", () => {
    const inputShapes = { x: [2, 3, 64, 96] };
    const outputs = (graph: "inference" | "training") => {
      const model = buildDbDetector({ ...SMALL, graph });
      const shapes = inferShapes(model, { inputShapes });
      return model.graph.outputs.map((value) => [value.name, shapes.shapeOf(value)]);
    };
    const shape = [2, 1, 64, 96];
    expect(outputs("inference")).toEqual([["shrink_maps", shape]]);
    expect(outputs("training")).toEqual([
      ["shrink_maps", shape],
      ["threshold_maps", shape],
      ["binary_maps", shape],
    ]);
  });

  test("a fixed input shape is declared at the input and the outputs", () => {
    const { graph } = buildDbDetector({ ...SMALL, inputShape: [4, 3, 32, 640] });
    expect(graph.inputs[0]?.type).toMatchObject({ shape: [4, 3, 32, 640] });
    expect(graph.outputs[0]?.type).toMatchObject({ shape: [4, 1, 32, 640] });
  });

  test("the same seed gives the same weights, also in the other graph, and another seed others", () => {
    const name = "head.binarize.conv3.weight";
    const first = buildDbDetector({ ...SMALL, seed: 7 });
    const training = buildDbDetector({ ...SMALL, seed: 7, graph: "training" });
    for (const parameter of listParameterNames(first)) {
      const twin = Buffer.from(tensorOf(training, parameter).buffer);
      expect(twin.equals(Buffer.from(tensorOf(first, parameter).buffer))).toBe(true);
    }
    expect(tensorOf(buildDbDetector({ ...SMALL, seed: 8 }), name)).not.toEqual(
      tensorOf(first, name),
    );
  });

  test("weights start as in PaddleOCR", () => {
    const model = buildDbDetector({
      backbone: { name: "ResNet_vd", layers: 18 },
      neck: { name: "DBFPN", outChannels: 256 },
    });
    const deviation = (name: string): number => {
      const values = tensorOf(model, name);
      return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    };
    const largest = (name: string): number =>
      tensorOf(model, name).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Normal, √(2 / (9 · 256)): 0.5 % is five standard errors of 589,824 numbers.
    const conv = "backbone.bb_3_0.conv0._conv.weight";
    expect(Math.abs(deviation(conv) / Math.sqrt(2 / (9 * 256)) - 1)).toBeLessThan(0.005);
    expect(largest(conv)).toBeGreaterThan(4 * deviation(conv));
    // Uniform, ±√(6 / fan).
    for (const [name, fan] of [
      ["neck.p2_conv.weight", 256 * 9],
      ["head.binarize.conv2.weight", 64 * 4],
      ["head.binarize.conv3.weight", 1 * 4],
    ] as const) {
      const limit = Math.sqrt(6 / fan);
      expect(largest(name)).toBeLessThanOrEqual(limit * (1 + 1e-6));
      expect(largest(name)).toBeGreaterThan(0.95 * limit);
    }
    expect(largest("head.binarize.conv2.bias")).toBeLessThanOrEqual(1 / 8);
    expect(new Set(tensorOf(model, "head.binarize.conv_bn1.bias"))).toEqual(
      new Set([Math.fround(1e-4)]),
    );
    const norm = "backbone.conv1_1._batch_norm";
    expect(new Set(tensorOf(model, `${norm}.weight`))).toEqual(new Set([1]));
    expect(new Set(tensorOf(model, `${norm}._variance`))).toEqual(new Set([1]));
    expect(new Set(tensorOf(model, `${norm}.bias`))).toEqual(new Set([0]));
    expect(new Set(tensorOf(model, `${norm}._mean`))).toEqual(new Set([0]));
  });

  test("a depthwise convolution starts as Paddle's does, with all channels as its fan", () => {
    const model = buildDbDetector({
      ...SMALL,
      backbone: { name: "MobileNetV3", modelName: "large", scale: 1.25 },
    });
    const values = tensorOf(model, "backbone.stage3.1.bottleneck_conv.conv.weight");
    const deviation = Math.sqrt(
      values.reduce((sum, value) => sum + value * value, 0) / values.length,
    );
    expect(values).toHaveLength(25 * 1200);
    expect(deviation / Math.sqrt(2 / (25 * 1200))).toBeCloseTo(1, 1);
  });

  test("a simplified detector gives the same map", async () => {
    const model = buildDbDetector({
      ...SMALL,
      neck: { name: "RSEFPN", outChannels: 32 },
      inputShape: [1, 3, 64, 64],
    });
    const simplified = buildDbDetector({
      ...SMALL,
      neck: { name: "RSEFPN", outChannels: 32 },
      inputShape: [1, 3, 64, 64],
    });
    await transform(simplified, simplify());
    expect([...simplified.graph.nodes].map(({ opType }) => opType)).not.toContain(
      "BatchNormalization",
    );
    await expectSameOutputs(simplified, model, { inputShapes: { x: [1, 3, 64, 64] } });
  });

  const broken: readonly [string, unknown, RegExp][] = [
    [
      "an unknown backbone",
      { ...SMALL, backbone: { name: "EfficientNet" } },
      /EfficientNet.*MobileNetV3/,
    ],
    [
      "a name of JavaScript's own",
      { ...SMALL, neck: { name: "constructor" } },
      /constructor.*DBFPN/,
    ],
    ["no backbone", { neck: SMALL.neck }, /backbone is missing/],
    ["an unknown neck", { ...SMALL, neck: { name: "PAN", outChannels: 96 } }, /PAN.*LKPAN/],
    ["an unknown head", { ...SMALL, head: { name: "PFHeadLocal" } }, /PFHeadLocal.*DBHead/],
    [
      "a scale that PaddleOCR lacks",
      { ...SMALL, backbone: { ...SMALL.backbone, scale: 0.6 } },
      /scale is 0.6.*0.35/,
    ],
    [
      "SE settings for ResNet",
      { ...SMALL, backbone: { name: "ResNet_vd", layers: 50, disableSe: true } },
      /disableSe is no setting of ResNet_vd/,
    ],
    [
      "a depth that is not built",
      { ...SMALL, backbone: { name: "ResNet_vd", layers: 101 } },
      /layers is 101.*18, 34, 50/,
    ],
    [
      "ASF outside DBFPN",
      { ...SMALL, neck: { name: "RSEFPN", outChannels: 96, useAsf: true } },
      /useAsf is no setting of RSEFPN/,
    ],
    [
      "channels that cannot be quartered",
      { ...SMALL, neck: { name: "DBFPN", outChannels: 94 } },
      /outChannels is 94.*multiple of 4/,
    ],
    ["no channels", { ...SMALL, neck: { name: "DBFPN" } }, /outChannels is missing/],
    [
      "an even first kernel",
      { ...SMALL, head: { name: "DBHead", firstKernel: 4 } },
      /firstKernel is 4.*odd/,
    ],
    ["a k of 0", { ...SMALL, head: { name: "DBHead", k: 0 } }, /k is 0/],
    [
      "sides that do not divide",
      { ...SMALL, inputShape: [1, 3, 640, 650] },
      /inputShape.*multiples of 32/,
    ],
    ["grey input", { ...SMALL, inputShape: [1, 1, 640, 640] }, /inputShape.*\[N, 3, H, W\]/],
    ["an unknown key", { ...SMALL, transform: null }, /transform is no setting/],
    ["an unknown graph", { ...SMALL, graph: "train" }, /graph is "train".*"training"/],
    ["a slope of 0", { ...SMALL, gateSlope: 0 }, /gateSlope is 0/],
    ["a seed with a fraction", { ...SMALL, seed: 0.5 }, /seed is 0.5/],
    ["nothing", null, /the config is null/],
  ];
  test.each(broken)("refuses %s", (_what, config, message) => {
    const build = (): unknown => buildDbDetector(config as DbDetectorConfig);
    expect(build).toThrow(OcrDetError);
    expect(build).toThrow(message);
    expect(build).toThrow(expect.objectContaining({ code: "invalid-option" }));
  });
});
