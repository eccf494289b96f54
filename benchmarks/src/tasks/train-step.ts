import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createRandom, writeModel } from "@ocrslim/graph";
import { randomFeeds } from "@ocrslim/runtime";
import type { Benchmark, BenchmarkContext } from "../harness/benchmark.ts";
import { type Figure, type FigureSpec, toFigure } from "../harness/figure.ts";
import { median, medianRatio } from "../harness/time-rounds.ts";
import { type LineProcess, startLineProcess } from "../support/line-process.ts";
import { readSimplified, squareInputs } from "../support/models.ts";

const SIDE = 640;
const THREADS = 2;

const figure = (
  name: string,
  label: string,
  unit: string,
  goal?: number,
): FigureSpec & { readonly direction: "at-most" } => ({
  name: `train-step/${name}`,
  label: `training step of PP-OCRv4 det, 640×640, 2 threads: ${label}`,
  unit,
  direction: "at-most",
  ...(goal === undefined ? {} : { goal }),
});

const BUILD = figure("build", "building it", "ms", 1000);
const GRAPH_SIZE = figure("graph-size", "step graph − model", "MB", 3);

/** The figures for one batch size. */
const specs = (batch: number) => ({
  time: figure(`time-${batch}`, `batch ${batch}: forward, backward, Adam`, "ms"),
  perForward: figure(
    `per-forward-${batch}`,
    `batch ${batch}: step ÷ (inference of one image × ${batch})`,
    "×",
    4,
  ),
  perTorch: figure(`per-torch-${batch}`, `batch ${batch}: step ÷ PyTorch's step`, "×", 0.7),
  memory: figure(`memory-${batch}`, `batch ${batch}: peak memory of the process`, "GB"),
  memoryPerTorch: figure(
    `memory-per-torch-${batch}`,
    `batch ${batch}: peak memory ÷ PyTorch's`,
    "×",
    1.2,
  ),
});

/** What the child says of the step it built. */
interface StepDescription {
  readonly buildMs: number;
  readonly stepBytes: number;
  readonly modelBytes: number;
}

/** One step. */
interface StepTime {
  readonly milliseconds: number;
  readonly peakBytes: number;
}

function trainStep(batch: number, rounds: number): Benchmark {
  const { time, perForward, perTorch, memory, memoryPerTorch } = specs(batch);
  return {
    name: `train-step-${batch}`,
    group: "train-step",
    figures: [
      ...(batch === 1 ? [BUILD, GRAPH_SIZE] : []),
      time,
      perForward,
      perTorch,
      memory,
      memoryPerTorch,
    ],
    async run(context) {
      const path = join(context.temporaryFolder, "training-step.onnx");
      const model = await readSimplified(context.detector);
      await writeModel(model, path);
      const feeds = randomFeeds(model, squareInputs(model, SIDE), createRandom(1));
      await using forward = await context.runtime.load(model, { threads: THREADS });
      const own = startOwn(path, batch);
      const torch = await startTorch(context, path, batch);
      try {
        const { buildMs, stepBytes, modelBytes } = await own.read<StepDescription>();
        const forwardTimes: number[] = [];
        const ownSteps: StepTime[] = [];
        const torchSteps: StepTime[] = [];
        for (let round = -2; round < rounds; round++) {
          await settle();
          const start = performance.now();
          await forward.run(feeds);
          const elapsed = performance.now() - start;
          await settle();
          const step = await own.ask<StepTime>();
          await settle();
          const torchStep = await torch?.ask<StepTime>();
          if (round < 0) continue;
          forwardTimes.push(elapsed);
          ownSteps.push(step);
          if (torchStep) torchSteps.push(torchStep);
        }
        const times = ownSteps.map(({ milliseconds }) => milliseconds);
        const images = forwardTimes.map((milliseconds) => milliseconds * batch);
        const peak = Math.max(...ownSteps.map(({ peakBytes }) => peakBytes));
        const figures: Figure[] = [
          toFigure(time, median(times), rounds),
          toFigure(perForward, medianRatio(times, images), rounds),
          toFigure(memory, peak / 1e9, 1),
        ];
        if (batch === 1) {
          figures.unshift(toFigure(BUILD, buildMs, 1));
          figures.unshift(toFigure(GRAPH_SIZE, (stepBytes - modelBytes) / 1e6, 1));
        }
        if (torchSteps.length > 0) {
          const torchTimes = torchSteps.map(({ milliseconds }) => milliseconds);
          const torchPeak = Math.max(...torchSteps.map(({ peakBytes }) => peakBytes));
          context.log(
            `  PyTorch: ${median(torchTimes).toFixed(0)} ms, ${(torchPeak / 1e9).toFixed(2)} GB`,
          );
          figures.push(toFigure(perTorch, medianRatio(times, torchTimes), rounds));
          figures.push(toFigure(memoryPerTorch, peak / torchPeak, 1));
        }
        return figures;
      } finally {
        await own.dispose();
        await torch?.dispose();
      }
    },
  };
}

/** Threads of all three keep a core busy for a while after their work; then they sleep. */
const settle = (): Promise<void> => setTimeout(400);

function startOwn(path: string, batch: number): LineProcess {
  const script = fileURLToPath(new URL("../support/training-step-child.ts", import.meta.url));
  return startLineProcess(process.execPath, [
    "--conditions=@ocrslim/source",
    "--import",
    "tsx",
    script,
    path,
    ...[batch, SIDE, THREADS].map(String),
  ]);
}

/** Without a python that has torch, what is compared with it is left out. */
async function startTorch(
  { python, log }: BenchmarkContext,
  path: string,
  batch: number,
): Promise<LineProcess | undefined> {
  if (python === undefined) return undefined;
  const script = fileURLToPath(new URL("../../python/training_step.py", import.meta.url));
  const args = [script, path, ...[batch, SIDE, THREADS].map(String)];
  const process = startLineProcess(python, args);
  try {
    await process.read();
    return process;
  } catch (error) {
    log(`  no PyTorch: ${error instanceof Error ? error.message.slice(-300) : error}`);
    return undefined;
  }
}

const LARGE_BATCH = 8;
const LARGE_MEMORY = figure(
  `memory-${LARGE_BATCH}`,
  `batch ${LARGE_BATCH}: peak memory of the process`,
  "GB",
  6,
);

/** Whether a batch that people train with fits into the memory of a small machine. */
const largeBatch: Benchmark = {
  name: `train-step-${LARGE_BATCH}`,
  group: "train-step",
  figures: [LARGE_MEMORY],
  async run({ detector, temporaryFolder }) {
    const path = join(temporaryFolder, "training-step.onnx");
    await writeModel(await readSimplified(detector), path);
    const [peak] = await runAlone(path, LARGE_BATCH, 3);
    return [toFigure(LARGE_MEMORY, peak / 1e9, 1)];
  },
};

const MOBILENET: FigureSpec = {
  name: "train-step/mobilenet",
  label:
    "training step of DB-MobileNetV3 ×0.5 (three maps, all losses, batch statistics, Adam), batch 4, 640×640, 2 threads; Paddle 3.3.1: 6974 ms",
  unit: "ms",
  direction: "at-most",
  goal: 6974 / 8,
};

const mobilenet: Benchmark = {
  name: "train-step-mobilenet",
  group: "train-step",
  figures: [MOBILENET],
  async run() {
    const [, times] = await runAlone("mobilenet", 4, 7);
    return [toFigure(MOBILENET, median(times), times.length)];
  },
};

/** Runs steps in a process of its own: its peak in bytes, and milliseconds of all but the first two. */
async function runAlone(
  model: string,
  batch: number,
  steps: number,
): Promise<readonly [number, readonly number[]]> {
  const own = startOwn(model, batch);
  try {
    await own.read<StepDescription>();
    const done: StepTime[] = [];
    for (let step = 0; step < steps; step++) done.push(await own.ask<StepTime>());
    const peak = Math.max(...done.map(({ peakBytes }) => peakBytes));
    return [peak, done.slice(2).map(({ milliseconds }) => milliseconds)];
  } finally {
    await own.dispose();
  }
}

export const trainSteps: readonly Benchmark[] = [
  trainStep(1, 11),
  trainStep(4, 7),
  largeBatch,
  mobilenet,
];
