import { readFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { cloneModel, decodeModel, encodeModel, readModel } from "@ocrslim/graph";
import type { Benchmark } from "../harness/benchmark.ts";
import { toFigure } from "../harness/figure.ts";
import { median, timeRounds } from "../harness/time-rounds.ts";
import { touchNodes } from "../support/models.ts";

const READ = {
  name: "read/det-read",
  label: "PP-OCRv4 det (4.7 MB): read the file, warm",
  unit: "ms",
  direction: "at-most",
  goal: 10,
} as const;
const WRITE = {
  name: "read/det-write",
  label: "PP-OCRv4 det: encode after every node was edited",
  unit: "ms",
  direction: "at-most",
  goal: 10,
} as const;
const WRITE_UNEDITED = {
  name: "read/det-write-unedited",
  label: "PP-OCRv4 det: encode, nothing edited",
  unit: "ms",
  direction: "at-most",
  goal: 10,
} as const;
const CLONE = {
  name: "read/det-clone",
  label: "PP-OCRv4 det: clone (weights are shared)",
  unit: "ms",
  direction: "at-most",
} as const;
const MEMORY = {
  name: "read/det-memory",
  label: "PP-OCRv4 det: memory held beyond the file's bytes ÷ those bytes",
  unit: "×",
  direction: "at-most",
  goal: 0.2,
} as const;

const ROUNDS = { rounds: 50, warmup: 20 };
const HELD_MODELS = 20;

/** Bytes in use. Memory outside the heap is only freed after the loop has turned. */
async function measureUsedBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await setImmediate();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Memory of one read model without the bytes it was read from. */
async function measureHeldBytes(bytes: Uint8Array): Promise<number> {
  // Code that is compiled on the way is no part of a model.
  for (let round = 0; round < ROUNDS.warmup; round++) decodeModel(bytes);
  const before = await measureUsedBytes();
  const held = Array.from({ length: HELD_MODELS }, () => decodeModel(bytes));
  const after = await measureUsedBytes();
  return (after - before) / held.length;
}

export const readWrite: Benchmark = {
  name: "read-write",
  group: "read",
  figures: [READ, WRITE, WRITE_UNEDITED, CLONE, MEMORY],
  async run({ detector }) {
    const bytes = new Uint8Array(await readFile(detector));
    const heldBytes = await measureHeldBytes(bytes);
    const unedited = decodeModel(bytes);
    const edited = decodeModel(bytes);
    const [read = [], write = [], writeUnedited = [], clone = []] = await timeRounds(
      [
        () => readModel(detector),
        () => {
          // Encoding does not clear the edit, but a file's bytes could be kept again one day.
          touchNodes(edited);
          return encodeModel(edited);
        },
        () => encodeModel(unedited),
        () => cloneModel(unedited),
      ],
      ROUNDS,
    );
    return [
      toFigure(READ, median(read), read.length),
      toFigure(WRITE, median(write), write.length),
      toFigure(WRITE_UNEDITED, median(writeUnedited), writeUnedited.length),
      toFigure(CLONE, median(clone), clone.length),
      toFigure(MEMORY, heldBytes / bytes.length, HELD_MODELS),
    ];
  },
};
