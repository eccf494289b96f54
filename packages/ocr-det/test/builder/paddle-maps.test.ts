import { type Model, Tensor } from "@ocrslim/graph";
import { createRuntime } from "@ocrslim/runtime";
import { expect, test } from "vitest";
import { buildDbDetector } from "../../src/builder/build-db-detector.ts";
import type { DbDetectorConfig } from "../../src/builder/config.ts";
import { loadPaddleWeights } from "../../src/paddle/load-paddle-weights.ts";

/**
 * Detectors as Paddle 2.6.2 computed them with PaddleOCR's layers, from the weights and the input
 * that `noise` and `weightOf` make below: tensors and numbers in the state dict, and the two maps'
 * values at the pixels of `PIXELS`.
 */
interface Case {
  readonly config: DbDetectorConfig;
  readonly tensors: number;
  readonly parameters: number;
  readonly shrink: readonly number[];
  readonly threshold: readonly number[];
}

const SIDE = 64;
const PIXELS = Array.from({ length: 12 }, (_, index) => (index * 1543) % (SIDE * SIDE));

const CASES: readonly Case[] = [
  {
    config: {
      backbone: { name: "MobileNetV3", modelName: "large", scale: 0.35 },
      neck: { name: "DBFPN", outChannels: 96 },
    },
    tensors: 301,
    parameters: 569890,
    shrink: [
      0.485833, 0.596552, 0.412835, 0.54753, 0.385709, 0.536994, 0.467131, 0.562788, 0.478227,
      0.564627, 0.591955, 0.643211,
    ],
    threshold: [
      0.512985, 0.618797, 0.472535, 0.503317, 0.50279, 0.513747, 0.456013, 0.51456, 0.511842,
      0.548386, 0.363425, 0.256242,
    ],
  },
  {
    config: {
      backbone: { name: "MobileNetV3", modelName: "small", scale: 1.25 },
      neck: { name: "DBFPN", outChannels: 64, useAsf: true },
    },
    tensors: 250,
    parameters: 1560878,
    shrink: [
      0.466377, 0.509028, 0.45841, 0.52653, 0.45546, 0.508906, 0.455092, 0.533883, 0.478577,
      0.498318, 0.544272, 0.5107,
    ],
    threshold: [
      0.442057, 0.52503, 0.439277, 0.481958, 0.444788, 0.526233, 0.445498, 0.492261, 0.436605,
      0.52299, 0.51406, 0.432763,
    ],
  },
  {
    config: {
      backbone: { name: "MobileNetV3", modelName: "large", scale: 0.75, disableSe: true },
      neck: { name: "RSEFPN", outChannels: 96 },
    },
    tensors: 301,
    parameters: 1110546,
    shrink: [
      0.454456, 0.701613, 0.200665, 0.689929, 0.487714, 0.664056, 0.210999, 0.714516, 0.545975,
      0.586827, 0.628538, 0.693209,
    ],
    threshold: [
      0.480961, 0.554776, 0.751737, 0.603331, 0.464224, 0.571732, 0.761256, 0.683675, 0.546779,
      0.467801, 0.21163, 0.161261,
    ],
  },
  {
    config: {
      backbone: { name: "MobileNetV3", modelName: "small", scale: 0.5, disableSe: true },
      neck: { name: "LKPAN", outChannels: 48, mode: "lite" },
    },
    tensors: 300,
    parameters: 253162,
    shrink: [
      0.491041, 0.516764, 0.466573, 0.521877, 0.45486, 0.503021, 0.391556, 0.545783, 0.448785,
      0.45762, 0.545079, 0.511381,
    ],
    threshold: [
      0.430189, 0.443405, 0.424519, 0.466771, 0.445744, 0.496181, 0.427093, 0.446833, 0.432638,
      0.489799, 0.576056, 0.546605,
    ],
  },
  {
    config: {
      backbone: { name: "MobileNetV3", modelName: "large", scale: 1, disableSe: true },
      neck: { name: "LKPAN", outChannels: 64 },
      head: { name: "DBHead", firstKernel: 7, k: 20 },
    },
    tensors: 276,
    parameters: 2081546,
    shrink: [
      0.460027, 0.467197, 0.465832, 0.580273, 0.405998, 0.496866, 0.394729, 0.534711, 0.459066,
      0.486981, 0.49847, 0.543688,
    ],
    threshold: [
      0.399578, 0.528476, 0.524187, 0.448861, 0.263771, 0.541926, 0.420848, 0.591249, 0.459858,
      0.580479, 0.61369, 0.529042,
    ],
  },
  {
    config: {
      backbone: { name: "ResNet_vd", layers: 18 },
      neck: { name: "DBFPN", outChannels: 256 },
    },
    tensors: 149,
    parameters: 12374754,
    shrink: [
      0.674051, 0.77801, 0.717682, 0.783992, 0.48241, 0.760953, 0.770411, 0.79636, 0.787279,
      0.807897, 0.411774, 0.568051,
    ],
    threshold: [
      0.490129, 0.506471, 0.664228, 0.461318, 0.367282, 0.466025, 0.645409, 0.402794, 0.484459,
      0.527711, 0.293444, 0.264987,
    ],
  },
  {
    config: {
      backbone: { name: "ResNet_vd", layers: 34 },
      neck: { name: "RSEFPN", outChannels: 96, shortcut: false },
    },
    tensors: 261,
    parameters: 21567402,
    shrink: [
      0.464823, 0.635384, 0.407544, 0.598871, 0.379855, 0.634327, 0.358715, 0.560321, 0.472044,
      0.580691, 0.523336, 0.75752,
    ],
    threshold: [
      0.578695, 0.492, 0.557899, 0.466027, 0.57892, 0.450303, 0.561767, 0.501757, 0.561591,
      0.484416, 0.3849, 0.247081,
    ],
  },
  {
    config: {
      backbone: { name: "ResNet_vd", layers: 50 },
      neck: { name: "DBFPN", outChannels: 96, useAsf: true },
    },
    tensors: 314,
    parameters: 24099668,
    shrink: [
      0.504937, 0.595666, 0.454683, 0.448125, 0.485265, 0.601758, 0.405375, 0.513151, 0.509438,
      0.591006, 0.607724, 0.643491,
    ],
    threshold: [
      0.539752, 0.432987, 0.55304, 0.545934, 0.390054, 0.456437, 0.560726, 0.542317, 0.440925,
      0.477995, 0.350325, 0.23757,
    ],
  },
];

/** Numbers from −1 to 1 that depend on the name and the index alone (FNV-1a, MurmurHash's mixer). */
function noise(name: string, count: number): Float64Array {
  let seed = 2166136261;
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 16777619);
  const numbers = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    let x = (Math.imul(index, 0x9e3779b9) + seed) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
    numbers[index] = ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1;
  }
  return numbers;
}

function weightOf(name: string, dims: readonly number[]): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const gain = name.includes("conv3") && name.startsWith("head.") ? 6 : 4;
  const limit = Math.sqrt((gain * (dims[0] ?? 1)) / size);
  const [centre, spread] = name.endsWith("_variance")
    ? [1, 0.5]
    : dims.length === 4
      ? [0, limit]
      : name.endsWith("weight")
        ? [0.7, 0.3]
        : [0, 0.2];
  return Tensor.float32(
    dims,
    noise(name, size).map((value) => centre + spread * value),
  );
}

function listWeights(model: Model): Map<string, Tensor> {
  return new Map(
    model.graph.initializers.flatMap(({ name, tensor }) =>
      tensor && /^(backbone|neck|head)\./.test(name) ? [[name, weightOf(name, tensor.dims)]] : [],
    ),
  );
}

const describeCase = ({ config: { backbone, neck } }: Case): string =>
  [...Object.values(backbone), "with", ...Object.values(neck)].join(" ");

test.each(CASES.map((entry) => ({ ...entry, title: describeCase(entry) })))(
  "gives the maps that Paddle gives: $title",
  async ({ config, tensors, parameters, shrink, threshold }) => {
    const model = buildDbDetector({ ...config, graph: "training" });
    const weights = listWeights(model);
    expect(weights.size).toBe(tensors);
    expect([...weights.values()].reduce((sum, { size }) => sum + size, 0)).toBe(parameters);
    loadPaddleWeights(model, weights);
    await using session = await createRuntime({ threads: 2 }).load(model);
    const data = Float32Array.from(noise("x", 3 * SIDE * SIDE), (value) => 2 * value);
    const maps = await session.run({ x: { dtype: "float32", dims: [1, 3, SIDE, SIDE], data } });
    const at = (name: string): readonly number[] =>
      PIXELS.map((pixel) => Number(maps[name]?.data[pixel]));
    const k = config.head?.k ?? 50;
    PIXELS.forEach((_, index) => {
      const [p = Number.NaN, t = Number.NaN] = [shrink[index], threshold[index]];
      expect(at("shrink_maps")[index]).toBeCloseTo(p, 4);
      expect(at("threshold_maps")[index]).toBeCloseTo(t, 4);
      expect(at("binary_maps")[index]).toBeCloseTo(1 / (1 + Math.exp(-k * (p - t))), 3);
    });
  },
  30_000,
);
