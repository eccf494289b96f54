// A detector of one's own, from random weights: built as ONNX, trained on generated pages with two
// losses and batch statistics, exported, and measured as text detectors are. No pictures, no labels
// from outside, half a minute on two cores.
import { createRandom, float, Graph, int, ints, Model, Tensor, type Value } from "@ocrslim/graph";
import {
  createPostprocessor,
  type ImageMatch,
  matchDetections,
  summarizeMatches,
  type TextRegion,
} from "@ocrslim/ocr-det";
import { createRuntime, float32Feed } from "@ocrslim/runtime";
import {
  adamW,
  binaryCrossEntropy,
  buildTrainingStep,
  cosineRate,
  createOrtEngine,
  dice,
  exportModel,
  type Loss,
  train,
  weightedSum,
} from "@ocrslim/train";

const SIDE = 64;
const BATCH = 8;

/** A stack of convolutions with BatchNormalization at half size, and a probability for each pixel. */
function buildDetector(seed: number): Model {
  const graph = new Graph();
  graph.name = "small detector";
  const random = createRandom(seed);
  const weight = (name: string, dims: readonly number[], fanIn: number): Value => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const limit = Math.sqrt(6 / fanIn);
    const data = Float32Array.from({ length: count }, () => limit * (2 * random() - 1));
    return graph.addInitializer(name, Tensor.float32(dims, data));
  };
  const constant = (name: string, count: number, value: number): Value =>
    graph.addInitializer(name, Tensor.float32([count], new Float32Array(count).fill(value)));
  const layer = (x: Value, name: string, from: number, to: number, stride: number): Value => {
    const conv = graph.createNode({
      opType: "Conv",
      name,
      inputs: [x, weight(`${name}.weight`, [to, from, 3, 3], from * 9)],
      attributes: {
        kernel_shape: ints([3, 3]),
        strides: ints([stride, stride]),
        pads: ints([1, 1, 1, 1]),
      },
    });
    const normal = graph.createNode({
      opType: "BatchNormalization",
      inputs: [
        conv.output,
        constant(`${name}.scale`, to, 1),
        constant(`${name}.shift`, to, 0),
        constant(`${name}.mean`, to, 0),
        constant(`${name}.variance`, to, 1),
      ],
      attributes: { epsilon: float(1e-5) },
    });
    return graph.createNode({ opType: "Relu", inputs: [normal.output] }).output;
  };
  const x = graph.addInput("x", { kind: "tensor", dtype: "float32", shape: ["N", 3, "H", "W"] });
  const fine = layer(layer(x, "stem", 3, 16, 2), "fine", 16, 16, 1);
  const coarse = layer(fine, "coarse", 16, 24, 2);
  const scales = graph.addInitializer("scales", Tensor.float32([4], [1, 1, 2, 2]));
  const larger = graph.createNode({
    opType: "Resize",
    inputs: [coarse, undefined, scales],
    attributes: {
      coordinate_transformation_mode: { type: "string", value: "asymmetric" },
      nearest_mode: { type: "string", value: "floor" },
    },
  }).output;
  const joined = graph.createNode({
    opType: "Concat",
    inputs: [fine, larger],
    attributes: { axis: int(1) },
  }).output;
  const mixed = layer(joined, "mixed", 40, 16, 1);
  const logits = graph.createNode({
    opType: "ConvTranspose",
    name: "head",
    inputs: [mixed, weight("head.weight", [16, 1, 2, 2], 16), constant("head.bias", 1, -2)],
    attributes: { kernel_shape: ints([2, 2]), strides: ints([2, 2]) },
  }).output;
  const map = graph.createNode({ opType: "Sigmoid", inputs: [logits], outputs: ["map"] }).output;
  map.type = { kind: "tensor", dtype: "float32", shape: ["N", 1, "H", "W"] };
  graph.setOutputs([map]);
  const model = new Model(graph);
  model.setOpset("", 17);
  model.irVersion = 8;
  return model;
}

interface Page {
  /** [3, 64, 64] */
  readonly image: Float32Array;
  /** 1 inside of the shrunk boxes, [64, 64]. */
  readonly shrinkMap: Float32Array;
  readonly regions: readonly TextRegion[];
}

/** One to three striped boxes on noise. */
function drawPage(seed: number): Page {
  const random = createRandom(seed);
  const between = (low: number, high: number): number =>
    low + Math.floor(random() * (high - low + 1));
  const plane = SIDE * SIDE;
  const image = Float32Array.from({ length: 3 * plane }, () => random() - 0.5);
  const shrinkMap = new Float32Array(plane);
  const regions: TextRegion[] = [];
  const rows = [between(3, 6), between(24, 27), between(45, 48)].slice(0, between(1, 3));
  for (const top of rows) {
    const [height, width] = [between(9, 14), between(20, 44)];
    const left = between(2, SIDE - width - 2);
    // D = A·(1 − r²) / L with r = 0.4, as DB shrinks text.
    const shrink = Math.round((height * width * (1 - 0.16)) / (2 * (height + width)));
    const fill = (
      map: Float32Array,
      from: number,
      inset: number,
      value: (column: number) => number,
    ): void => {
      for (let row = top + inset; row < top + height - inset; row++) {
        for (let column = left + inset; column < left + width - inset; column++) {
          map[from + row * SIDE + column] = value(column);
        }
      }
    };
    for (let channel = 0; channel < 3; channel++) {
      fill(image, channel * plane, 0, (column) => (column % 4 < 2 ? 1.5 : -1.5) + random() - 0.5);
    }
    fill(shrinkMap, 0, shrink, () => 1);
    const [right, bottom] = [left + width, top + height];
    const points = [
      [left, top],
      [right, top],
      [right, bottom],
      [left, bottom],
    ] as const;
    regions.push({ points, text: "stripes", ignored: false });
  }
  return { image, shrinkMap, regions };
}

const loss: Loss = ({ ops, output, target, report }) => {
  const map = output();
  const wanted = target("shrink_map", [BATCH, 1, SIDE, SIDE]);
  const terms = { bce: binaryCrossEntropy(ops, map, wanted), dice: dice(ops, map, wanted) };
  for (const [name, term] of Object.entries(terms)) report(name, term);
  return weightedSum(ops, [
    [1, terms.bce],
    [1, terms.dice],
  ]);
};

const runtime = createRuntime();
const model = buildDetector(1);
const step = await buildTrainingStep(model, {
  inputShapes: { x: [BATCH, 3, SIDE, SIDE] },
  loss,
  optimizer: adamW({ weightDecay: 1e-4 }),
  batchNormalization: "trained",
});
const result = await train(step, {
  engine: createOrtEngine({ runtime }),
  data: {
    size: 256,
    loadBatch({ samples }) {
      const pages = samples.map((sample) => drawPage(1000 + sample));
      const join = (arrays: readonly Float32Array[]): Float32Array =>
        Float32Array.from(arrays.flatMap((array) => [...array]));
      return {
        x: float32Feed([BATCH, 3, SIDE, SIDE], join(pages.map(({ image }) => image))),
        shrink_map: float32Feed(
          [BATCH, 1, SIDE, SIDE],
          join(pages.map(({ shrinkMap }) => shrinkMap)),
        ),
      };
    },
  },
  batchSize: BATCH,
  updates: Number(process.argv[2] ?? 80),
  schedule: cosineRate({ learningRate: 5e-3, warmUp: { fraction: 0.05 } }),
});

// Pages that were not trained on.
const detector = await exportModel(model, step, result.state);
await using session = await runtime.load(detector);
using postprocessor = await createPostprocessor({ minSize: 2, unclipRatio: 2.2 });
const matches: ImageMatch[] = [];
for (let seed = 0; seed < 40; seed++) {
  const { image, regions } = drawPage(seed);
  const { map } = await session.run({ x: float32Feed([1, 3, SIDE, SIDE], image) });
  const detections = postprocessor.run(map?.data as Float32Array, SIDE, SIDE, SIDE, SIDE);
  matches.push(matchDetections(regions, detections));
}
const { precision, recall, hmean } = summarizeMatches(matches);
console.log(
  `nodes without BatchNormalization: ${[...detector.graph.nodes].length} of ${model.graph.nodeCount}`,
);
console.log(
  `precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}, hmean ${hmean.toFixed(3)}`,
);
