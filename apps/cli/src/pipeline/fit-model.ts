import {
  type FitCandidate,
  fitRuntime,
  type Model,
  type RunOptions,
  transform,
} from "@ocrslim/graph";
import { measureLatency, type Runtime } from "@ocrslim/runtime";

/** Runtimes that a model can be brought into form for, or none. */
export const fitNames = ["onnxruntime-cpu", "none"] as const;

/** One of {@link fitNames}. */
export type FitName = (typeof fitNames)[number];

/** Options of {@link fitModel}. */
export interface FitModelOptions {
  readonly fit: FitName;
  readonly runtime: Runtime;
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  readonly runOptions: RunOptions;
  /** Timed runs of each part before and after. Default: 9. */
  readonly rounds?: number;
  readonly onCandidate?: (candidate: FitCandidate) => void;
}

/** Brings a model, in place, into the form that measures fastest here; what it computes stays. */
export async function fitModel(model: Model, options: FitModelOptions): Promise<void> {
  const { fit, runtime, inputShapes, runOptions, rounds = 9, onCandidate } = options;
  if (fit === "none") return;
  const quiet = runOptions.signal ? { signal: runOptions.signal } : {};
  const step = fitRuntime({
    target: fit,
    inputShapes,
    measure: async (models) =>
      (await measureLatency(runtime, models, { ...quiet, runs: rounds, warmup: 2, maxSeconds: 3 }))
        .ratio ?? 1,
    ...(onCandidate ? { onCandidate } : {}),
  });
  await transform(model, step, runOptions);
}
