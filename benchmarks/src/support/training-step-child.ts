// A process of its own, since memory is measured: `training-step-child.ts MODEL BATCH SIDE THREADS`
// prints what the step is, and then one line of JSON for each line it gets.
import { createInterface } from "node:readline";
import { createRandom, encodeModel, type Model, readModel } from "@ocrslim/graph";
import { buildDbDetector } from "@ocrslim/ocr-det";
import { createRuntime, float32Feed } from "@ocrslim/runtime";
import {
  adam,
  binaryCrossEntropy,
  buildTrainingStep,
  createOrtEngine,
  dbLoss,
  type Loss,
  type TrainingStepOptions,
} from "@ocrslim/train";
import { squareInputs } from "./models.ts";
import { readPeakBytes } from "./peak-memory.ts";

const [path = "", ...numbers] = process.argv.slice(2);
const [batch = 1, side = 640, threads = 2] = numbers.map(Number);

/** A model file with the loss of its map, or a DB detector of PaddleOCR's with all of its losses. */
async function openModel(): Promise<{
  readonly model: Model;
  readonly options: Pick<TrainingStepOptions, "loss" | "batchNormalization">;
}> {
  if (path === "mobilenet") {
    const model = buildDbDetector({
      backbone: { name: "MobileNetV3", modelName: "large", scale: 0.5, disableSe: true },
      neck: { name: "DBFPN", outChannels: 96 },
      graph: "training",
    });
    return { model, options: { loss: dbLoss(), batchNormalization: "trained" } };
  }
  const loss: Loss = ({ ops, output, target }) =>
    binaryCrossEntropy(ops, output(), target("target", [batch, 1, side, side]));
  return { model: await readModel(path), options: { loss } };
}

const { model, options } = await openModel();
const [input = "x"] = Object.keys(squareInputs(model, side));
const start = performance.now();
const step = await buildTrainingStep(model, {
  ...options,
  inputShapes: { [input]: [batch, 3, side, side] },
  optimizer: adam(),
});
const stepBytes = encodeModel(step.step).byteLength;
const buildMs = performance.now() - start;
const session = await createOrtEngine({ runtime: createRuntime({ threads }) }).load(step);
const random = createRandom(1);
const feeds = Object.fromEntries(
  step.batch.map(({ name, dims }) => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const isImage = name === input;
    const draw = (): number => (isImage ? random() - 0.5 : random() > 0.9 ? 1 : 0);
    return [name, float32Feed(dims, Float32Array.from({ length: count }, draw))];
  }),
);
const parameters = step.parameters.reduce((sum, { size }) => sum + size, 0);
const modelBytes = encodeModel(model).byteLength;
const print = (content: unknown): boolean => process.stdout.write(`${JSON.stringify(content)}\n`);
print({ parameters, buildMs, stepBytes, modelBytes });
let update = 0;
for await (const _ of createInterface({ input: process.stdin })) {
  update++;
  const begin = performance.now();
  const { loss } = await session.run(feeds, { learningRate: 1e-5, update });
  print({ milliseconds: performance.now() - begin, loss, peakBytes: readPeakBytes() });
}
await session.dispose();
