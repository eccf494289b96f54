import type { Batch } from "../engine/engine.ts";
import type { BatchRequest, TrainingData } from "./training-data.ts";

/** Batches in order, some of them made ahead. */
export interface BatchQueue {
  /** The batch of that number; numbers are taken one after another. */
  take(index: number): Promise<Batch>;
  /** Starts making the batches that follow `index`, as many as are to be ahead. */
  fill(index: number): void;
}

/** Creates a queue that asks for no batch at or after `end`. */
export function createBatchQueue(
  data: TrainingData,
  requestOf: (index: number) => BatchRequest,
  ahead: number,
  end: number,
): BatchQueue {
  const started = new Map<number, Promise<Batch>>();
  const start = (index: number): Promise<Batch> => {
    const known = started.get(index);
    if (known) return known;
    const batch = load(data, requestOf(index));
    // A failure counts when the batch is taken, not before.
    batch.catch(() => {});
    started.set(index, batch);
    return batch;
  };
  return {
    async take(index) {
      const batch = start(index);
      try {
        return await batch;
      } finally {
        started.delete(index);
      }
    },
    fill(index) {
      for (let next = index + 1; next <= index + ahead && next < end; next++) start(next);
    },
  };
}

async function load(data: TrainingData, request: BatchRequest): Promise<Batch> {
  return data.loadBatch(request);
}
