import { type Feeds, float32Feed } from "@ocrslim/runtime";
import type { TrainingState, TrainingStep } from "../step/training-step.ts";
import type { Batch, StepOptions } from "./engine.ts";

/** What a step's graph takes: the batch, the state vectors, and both scalars. */
export function stepFeeds(
  step: Pick<TrainingStep, "state">,
  batch: Batch,
  state: TrainingState,
  { learningRate, update }: Pick<StepOptions, "learningRate" | "update">,
): Feeds {
  const vectors = step.state.map(({ name }) => {
    const data = state[name] ?? new Float32Array();
    return [`state/${name}`, float32Feed([data.length], data)] as const;
  });
  return {
    ...batch,
    ...Object.fromEntries(vectors),
    "step/learning_rate": float32Feed([], Float32Array.of(learningRate)),
    "step/update": float32Feed([], Float32Array.of(update)),
  };
}
