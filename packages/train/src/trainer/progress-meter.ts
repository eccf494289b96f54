import type { RunContext } from "@ocrslim/graph";
import type { TrainingEvent } from "./train-options.ts";

const TASK = "train";
const UNIT = "updates";
/** Weight of the newest update in smoothed times. */
const NEWEST = 0.1;

/** What the trainer knows of an update. */
export type UpdateFacts = Omit<TrainingEvent, "samplesPerSecond" | "remainingSeconds">;

/** Turns times into speeds, and updates into events. */
export interface ProgressMeter {
  start(): void;
  /** Tells an update that took that long. */
  advance(facts: UpdateFacts, updateMs: number): TrainingEvent;
  /** Counts an evaluation towards the time that remains. */
  evaluated(ms: number): void;
  end(): void;
}

/** Creates the meter of a run. */
export function createProgressMeter(options: {
  readonly context: RunContext;
  readonly total: number;
  readonly samplesPerUpdate: number;
  readonly evaluateEvery: number;
}): ProgressMeter {
  const { context, total, samplesPerUpdate, evaluateEvery } = options;
  let smoothMs: number | undefined;
  let evaluationMs = 0;
  return {
    start() {
      context.onProgress({ kind: "start", task: TASK, total, unit: UNIT });
    },
    advance(facts, updateMs) {
      smoothMs = smoothMs === undefined ? updateMs : smoothMs + NEWEST * (updateMs - smoothMs);
      const left = total - facts.update;
      const evaluations = Math.ceil(left / evaluateEvery);
      const event: TrainingEvent = {
        ...facts,
        samplesPerSecond: (samplesPerUpdate * 1000) / Math.max(smoothMs, 1e-3),
        remainingSeconds: (left * smoothMs + evaluations * evaluationMs) / 1000,
      };
      const detail = `loss ${facts.loss.toPrecision(4)}, rate ${facts.learningRate.toPrecision(3)}, ${event.samplesPerSecond.toFixed(1)} images/s`;
      context.onProgress({
        kind: "advance",
        task: TASK,
        done: facts.update,
        total,
        unit: UNIT,
        detail,
      });
      return event;
    },
    evaluated(ms) {
      evaluationMs = ms;
    },
    end() {
      context.onProgress({ kind: "end", task: TASK });
    },
  };
}
