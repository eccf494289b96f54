import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createRandom, Graph, Model, Tensor, writeModel } from "@ocrslim/graph";
import type { Benchmark } from "../harness/benchmark.ts";
import { toFigure } from "../harness/figure.ts";
import { median, medianRatio } from "../harness/time-rounds.ts";

const READ = {
  name: "read/big-read",
  label: "a 400 MB model: read",
  unit: "ms",
  direction: "at-most",
} as const;
const READ_RATIO = {
  name: "read/big-read-ratio",
  label: "a 400 MB model: read ÷ reading the file's bytes alone, interleaved",
  unit: "×",
  direction: "at-most",
  goal: 1.2,
} as const;
const WRITE = {
  name: "read/big-write",
  label: "a 400 MB model: write",
  unit: "ms",
  direction: "at-most",
} as const;
const WRITE_RATIO = {
  name: "read/big-write-ratio",
  label:
    "a 400 MB model: write ÷ writing the file's bytes alone (temporary file, rename), interleaved",
  unit: "×",
  direction: "at-most",
  goal: 1.2,
} as const;
const READ_MEMORY = {
  name: "read/big-read-memory",
  label: "a 400 MB model: peak memory of reading, above the idle process, ÷ file",
  unit: "×",
  direction: "at-most",
  goal: 1.2,
} as const;
const WRITE_MEMORY = {
  name: "read/big-write-memory",
  label:
    "a 400 MB model: peak memory of read, edit every node, write, above the idle process, ÷ file",
  unit: "×",
  direction: "at-most",
  goal: 1.2,
} as const;

const LAYERS = 100;
const WIDTH = 1024;

/** A chain of MatMuls, 4 MB of weights each. */
function buildBigModel(): Model {
  const graph = new Graph();
  const type = { kind: "tensor", dtype: "float32", shape: [1, WIDTH] } as const;
  const random = createRandom(1);
  const data = Float32Array.from({ length: WIDTH * WIDTH }, () => random() - 0.5);
  const weight = Tensor.float32([WIDTH, WIDTH], data);
  let value = graph.addInput("x", type);
  for (let layer = 0; layer < LAYERS; layer++) {
    const inputs = [value, graph.addInitializer(`weight${layer}`, weight)];
    value = graph.createNode({ opType: "MatMul", inputs }).output;
  }
  value.type = type;
  graph.setOutputs([value]);
  const model = new Model(graph);
  model.setOpset("", 17);
  model.irVersion = 8;
  return model;
}

async function runChild<T>(mode: string, file: string, copy: string): Promise<T> {
  const script = fileURLToPath(new URL("../support/big-model-child.ts", import.meta.url));
  const args = ["--expose-gc", "--conditions=@ocrslim/source", "--import", "tsx", script];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, mode, file, copy]);
  return JSON.parse(stdout) as T;
}

interface Times {
  readonly read: readonly number[];
  readonly plainRead: readonly number[];
  readonly write: readonly number[];
  readonly plainWrite: readonly number[];
}

interface Peak {
  readonly idleBytes: number;
  readonly peakBytes: number;
}

export const bigModel: Benchmark = {
  name: "big-model",
  group: "read",
  figures: [READ, READ_RATIO, WRITE, WRITE_RATIO, READ_MEMORY, WRITE_MEMORY],
  async run({ temporaryFolder, log }) {
    const file = join(temporaryFolder, "big.onnx");
    const copy = join(temporaryFolder, "big-copy.onnx");
    await writeModel(buildBigModel(), file);
    const { size } = await stat(file);
    const reading = await runChild<Peak>("read", file, copy);
    const writing = await runChild<Peak>("write", file, copy);
    for (const [name, { idleBytes, peakBytes }] of Object.entries({ reading, writing })) {
      const [idle, peak] = [idleBytes, peakBytes].map((bytes) => Math.round(bytes / 1e6));
      log(`big-model: ${name} ${Math.round(size / 1e6)} MB: ${idle} MB before, peak ${peak} MB`);
    }
    const { read, plainRead, write, plainWrite } = await runChild<Times>("times", file, copy);
    const above = ({ idleBytes, peakBytes }: Peak): number => (peakBytes - idleBytes) / size;
    return [
      toFigure(READ, median(read), read.length),
      toFigure(READ_RATIO, medianRatio(read, plainRead), read.length),
      toFigure(WRITE, median(write), write.length),
      toFigure(WRITE_RATIO, medianRatio(write, plainWrite), write.length),
      toFigure(READ_MEMORY, above(reading), 1),
      toFigure(WRITE_MEMORY, above(writing), 1),
    ];
  },
};
