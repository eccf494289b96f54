import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DetectionDataOptions } from "@ocrslim/ocr-det";
import { createWorkerData } from "@ocrslim/train";
import type { Benchmark } from "../harness/benchmark.ts";
import { type FigureSpec, toFigure } from "../harness/figure.ts";

const SIDE = 640;
const BATCH = 8;
const WORKERS = 2;
/** Batches asked for at a time: enough that no worker waits. */
const AHEAD = 2 * WORKERS;

const figure = (name: string, label: string, goal?: number): FigureSpec => ({
  name: `training-data/${name}`,
  label: `augmentation and targets of DB, ${SIDE}×${SIDE}, icdar2015, ${WORKERS} workers: ${label}`,
  unit: "images/s",
  direction: "at-least",
  ...(goal === undefined ? {} : { goal }),
});

const CACHED = figure("cached", "decoded images in memory", 40);
const DECODING = figure("decoding", "each image decoded first");

/** Images a second of a data set whose decoded images may fill so many bytes of each worker. */
async function measure(labels: string, cacheBytes: number, batches: number): Promise<number> {
  const options: DetectionDataOptions = {
    sources: [labels],
    // Few, so that each worker has seen all of them after the first rounds.
    limit: 4 * BATCH,
    size: SIDE,
    cacheBytes,
  };
  await using data = await createWorkerData({
    module: import.meta.resolve("@ocrslim/ocr-det"),
    export: "createDetectionData",
    options,
    workers: WORKERS,
  });
  let index = 0;
  const next = async (): Promise<void> => {
    const samples = Array.from({ length: BATCH }, (_, at) => (index * BATCH + at) % data.size);
    await data.loadBatch({ index, seed: index++, samples });
  };
  const runAll = async (count: number): Promise<void> => {
    let left = count;
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left--;
        await next();
      }
    };
    await Promise.all(Array.from({ length: AHEAD }, lane));
  };
  await runAll(4 * AHEAD);
  const start = performance.now();
  await runAll(batches);
  return (batches * BATCH * 1000) / (performance.now() - start);
}

/** Whether two cores make batches as fast as they are trained on. */
export const trainingData: Benchmark = {
  name: "training-data",
  group: "training-data",
  figures: [CACHED, DECODING],
  unavailable: ({ dataFolder }) =>
    dataFolder !== undefined && existsSync(join(dataFolder, "icdar2015/train.txt"))
      ? undefined
      : "it needs icdar2015/train.txt; give its folder with --data or OCRSLIM_DATA",
  async run({ dataFolder = "" }) {
    const labels = join(dataFolder, "icdar2015/train.txt");
    const batches = 32;
    return [
      toFigure(CACHED, await measure(labels, 2 ** 30, batches), batches * BATCH),
      toFigure(DECODING, await measure(labels, 0, batches), batches * BATCH),
    ];
  },
};
