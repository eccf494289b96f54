// A process of its own, since memory is measured: `big-model-child.ts MODE FILE COPY` prints one JSON line.
import { readFile, rename, writeFile } from "node:fs/promises";
import { type Model, readModel, writeModel } from "@ocrslim/graph";
import { timeRounds } from "../harness/time-rounds.ts";
import { touchNodes } from "./models.ts";
import { readPeakBytes } from "./peak-memory.ts";

const [mode = "", file = "", copy = ""] = process.argv.slice(2);

/** As careful as a writer must be: a failure leaves the old file. */
async function writeBeside(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(`${path}.tmp`, bytes);
  await rename(`${path}.tmp`, path);
}

async function measureTimes(): Promise<Record<string, readonly number[]>> {
  const model: Model = await readModel(file);
  const bytes = await readFile(file);
  const [read = [], plainRead = [], write = [], plainWrite = []] = await timeRounds(
    [
      () => readModel(file),
      () => readFile(file),
      () => writeModel(model, copy),
      () => writeBeside(copy, bytes),
    ],
    { rounds: 7, warmup: 1, collectGarbage: true },
  );
  return { read, plainRead, write, plainWrite };
}

async function measurePeak(): Promise<Record<string, number>> {
  globalThis.gc?.();
  const idleBytes = process.memoryUsage.rss();
  const model = await readModel(file);
  if (mode === "write") touchNodes(model);
  if (mode === "write") await writeModel(model, copy);
  return { idleBytes, peakBytes: readPeakBytes(), nodes: model.graph.nodeCount };
}

const result = mode === "times" ? await measureTimes() : await measurePeak();
process.stdout.write(`${JSON.stringify(result)}\n`);
