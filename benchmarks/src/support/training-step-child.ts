// A process of its own, since memory is measured: `training-step-child.ts MODEL BATCH SIDE THREADS`
// prints what the step is, and then one line of JSON for each line it gets.
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { createRandom, encodeModel, readModel } from "@ocrslim/graph";
import { createRuntime } from "@ocrslim/runtime";
import { adam, binaryCrossEntropy, buildTrainingStep, createOrtEngine } from "@ocrslim/train";
import { squareInputs } from "./models.ts";
import { readPeakBytes } from "./peak-memory.ts";

const [path = "", ...numbers] = process.argv.slice(2);
const [batch = 1, side = 640, threads = 2] = numbers.map(Number);

const model = await readModel(path);
const [input = "x"] = Object.keys(squareInputs(model, side));
const start = performance.now();
const step = await buildTrainingStep(model, {
  inputShapes: { [input]: [batch, 3, side, side] },
  loss: ({ ops, output, target }) =>
    binaryCrossEntropy(ops, output(), target("target", [batch, 1, side, side])),
  optimizer: adam(),
});
const stepBytes = encodeModel(step.step).byteLength;
const buildMs = performance.now() - start;
const session = await createOrtEngine({ runtime: createRuntime({ threads }) }).load(step);
const random = createRandom(1);
const images = Float32Array.from({ length: batch * 3 * side * side }, () => random() - 0.5);
const target = Float32Array.from({ length: batch * side * side }, () => (random() > 0.9 ? 1 : 0));
const feeds = {
  [input]: { dtype: "float32", dims: [batch, 3, side, side], data: images },
  target: { dtype: "float32", dims: [batch, 1, side, side], data: target },
} as const;
const parameters = step.parameters.reduce((sum, { size }) => sum + size, 0);
const modelBytes = (await stat(path)).size;
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
