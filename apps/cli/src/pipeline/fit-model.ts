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

/** Of the part that a rewrite changes, before and after. */
const TIMING = { runs: 12, warmup: 2, maxSeconds: 3 } as const;

/** Options of {@link fitModel}. */
export interface FitModelOptions {
  readonly fit: FitName;
  readonly runtime: Runtime;
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  readonly runOptions: RunOptions;
  /** `measured`: rewrites that are faster here; `rule`: those that should be, which is quick to find. */
  readonly basis: "measured" | "rule";
  readonly onCandidate?: (candidate: FitCandidate) => void;
}

/** Brings a model, in place, into the form that measures fastest here; what it computes stays. */
export async function fitModel(model: Model, options: FitModelOptions): Promise<void> {
  const { fit, runtime, inputShapes, runOptions, basis, onCandidate } = options;
  if (fit === "none") return;
  const quiet = runOptions.signal ? { signal: runOptions.signal } : {};
  const step = fitRuntime({
    target: fit,
    inputShapes,
    ...(basis === "rule"
      ? {}
      : {
          measure: async (models) =>
            (await measureLatency(runtime, models, { ...quiet, ...TIMING })).ratio ?? 1,
        }),
    ...(onCandidate ? { onCandidate } : {}),
  });
  await transform(model, step, runOptions);
}
