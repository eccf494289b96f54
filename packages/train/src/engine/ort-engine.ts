import type { Model } from "@ocrslim/graph";
import type { Runtime, RuntimeTensor, Session, SessionOptions } from "@ocrslim/runtime";
import { TrainError } from "../errors.ts";
import type { StateVector, TrainingState, TrainingStep } from "../step/training-step.ts";
import { useBlockedLayout } from "./blocked-layout.ts";
import type { StepResult, TrainingEngine, TrainingSession } from "./engine.ts";
import { findBlockSize } from "./find-block-size.ts";
import { stepFeeds } from "./step-feeds.ts";

/** Options of {@link createOrtEngine}. */
export interface OrtEngineOptions {
  readonly runtime: Runtime;
  /**
   * `blocked` uses ONNX Runtime's own CPU layout for depthwise convolutions (see `useBlockedLayout`),
   * `standard` nothing but standard operators. Default: `blocked` where the CPU has it.
   */
  readonly layout?: "blocked" | "standard";
  /** Default: no memory pattern, which halves the peak and costs no time. */
  readonly session?: SessionOptions;
}

/**
 * Trains on ONNX Runtime: each step is one run of the step's graph. The same state, batches and number
 * of threads give the same bits.
 */
export function createOrtEngine(options: OrtEngineOptions): TrainingEngine {
  const { runtime } = options;
  const providers = runtime.executionProviders.join(", ");
  return {
    name: "ort",
    description: `${runtime.name} ${runtime.version}, ${providers}`,
    async load(step): Promise<TrainingSession> {
      const blockSize = options.layout === "standard" ? undefined : await findBlockSize(runtime);
      if (options.layout === "blocked" && blockSize === undefined) {
        throw new TrainError(
          "unsupported",
          `createOrtEngine: ${runtime.name} on ${providers} has no blocked layout; use layout: "standard"`,
        );
      }
      const model = blockSize === undefined ? step.step : useBlockedLayout(step.step, blockSize);
      const session = await loadStep(runtime, model, { memoryPattern: false, ...options.session });
      let state: TrainingState = step.initialState();
      const dispose = (): Promise<void> => session.dispose();
      return {
        async run(batch, { learningRate, update, apply = true }): Promise<StepResult> {
          const feeds = stepFeeds(step, batch, state, { learningRate, update });
          const results = await session.run(feeds).catch((cause: unknown) => {
            throw outOfMemory(cause) ?? cause;
          });
          const numberOf = (name: string): number => Number(results[name]?.data[0]);
          const result: StepResult = {
            loss: numberOf("loss"),
            gradientNorm: numberOf("gradient_norm"),
            reports: Object.fromEntries(
              step.reports.map((name) => [name, numberOf(`report/${name}`)]),
            ),
          };
          if (Number.isFinite(result.loss) && Number.isFinite(result.gradientNorm)) {
            state = nextState(step, state, apply, (name) => results[`next/${name}`]);
          }
          return result;
        },
        async readState() {
          return copyState(state);
        },
        async writeState(given) {
          assertState(step, given);
          state = copyState(given);
        },
        dispose,
        [Symbol.asyncDispose]: dispose,
      };
    },
  };
}

/** @throws TrainError `out-of-memory` where the runtime could not get the memory. */
async function loadStep(runtime: Runtime, model: Model, options: SessionOptions): Promise<Session> {
  try {
    return await runtime.load(model, options);
  } catch (cause) {
    throw outOfMemory(cause) ?? cause;
  }
}

/** The error for a batch that does not fit; `undefined` for all others. */
function outOfMemory(cause: unknown): TrainError | undefined {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (!/bad_alloc|failed to allocate|out of memory/i.test(text)) return undefined;
  return new TrainError(
    "out-of-memory",
    `the training step does not fit into memory (${text}); take a smaller batch, or accumulate over several`,
    { cause },
  );
}

/** What micro-batches before the last change, and what an update changes. */
function nextState(
  step: TrainingStep,
  state: TrainingState,
  apply: boolean,
  find: (name: string) => RuntimeTensor | undefined,
): TrainingState {
  const next: Record<string, Float32Array> = { ...state };
  for (const { name, size } of step.state) {
    if (name === "gradient" && apply) next[name] = new Float32Array(size);
    else if (apply || name === "gradient" || name === "statistics") {
      next[name] = find(name)?.data as Float32Array;
    }
  }
  return next;
}

/** @throws TrainError `checkpoint-mismatch` if a state vector is missing or of another size. */
export function assertState(
  step: { readonly state: readonly StateVector[] },
  state: TrainingState,
): void {
  for (const { name, size } of step.state) {
    const found = state[name];
    if (found?.length === size) continue;
    throw new TrainError(
      "checkpoint-mismatch",
      `writeState: the state vector "${name}" has ${found ? `${found.length} elements` : "no content"}, but this training step needs ${size}; take the state of the same model and optimizer`,
      { value: name },
    );
  }
}

function copyState(state: TrainingState): TrainingState {
  return Object.fromEntries(Object.entries(state).map(([name, data]) => [name, data.slice()]));
}
