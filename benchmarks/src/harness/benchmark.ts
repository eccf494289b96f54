import type { Runtime } from "@ocrslim/runtime";
import type { Figure, FigureSpec } from "./figure.ts";

/** What benchmarks are selected and listed by. */
export type BenchmarkGroup =
  | "read"
  | "simplify"
  | "groups"
  | "cost"
  | "post-processing"
  | "latency"
  | "sensitivity"
  | "accuracy"
  | "prune"
  | "train-step"
  | "finetune"
  | "training-data"
  | "compress-latency"
  | "compress";

/** What a benchmark may use. */
export interface BenchmarkContext {
  readonly runtime: Runtime;
  /** Path of PP-OCRv4 mobile det, as npm has it. */
  readonly detector: string;
  /** Path of PP-OCRv6 small det, where the reference material is. */
  readonly newerDetector: string | undefined;
  /** Folder of sample pages: `calibration/`, and `evaluation/` with `labels.txt`. */
  readonly samplePages: string;
  /** Folder of labelled sets: `sroie`, `debmake-pages`, `icdar2015`. */
  readonly dataFolder: string | undefined;
  /** Folder of probability maps with PaddleOCR's results. */
  readonly mapFolder: string | undefined;
  /** What onnxslim makes of the detector: a path. */
  readonly onnxslimDetector: string | undefined;
  /** A python with opencv, pyclipper, numpy and shapely: a path. */
  readonly python: string | undefined;
  /** Emptied at the end. */
  readonly temporaryFolder: string;
  /** Tells what is going on. */
  readonly log: (message: string) => void;
}

/** One benchmark: measures a few figures that belong together. */
export interface Benchmark {
  readonly name: string;
  readonly group: BenchmarkGroup;
  /** All that `run` can give. */
  readonly figures: readonly FigureSpec[];
  /** Why it can't be run here, and what to do about it; `undefined` if it can. */
  unavailable?(context: BenchmarkContext): string | undefined;
  run(context: BenchmarkContext): Promise<readonly Figure[]>;
}
