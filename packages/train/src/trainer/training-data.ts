import type { Batch } from "../engine/engine.ts";

/** Which batch is asked for. Everything random about it must come from `seed`. */
export interface BatchRequest {
  /** Micro-batch number since the start of training, from 0. */
  readonly index: number;
  /** Of this batch alone, 32 bits: derived from the run's seed and the index. */
  readonly seed: number;
  /** Sample numbers, in [0, size): each epoch is a new permutation of all. */
  readonly samples: readonly number[];
}

/**
 * Where batches come from. A batch depends on its request alone, never on what was asked before:
 * this is what makes an interrupted run go on bit-identically, and lets batches be made ahead.
 */
export interface TrainingData {
  /** Number of samples, 1 or more. */
  readonly size: number;
  /** Hash or name of the content, for checkpoints. */
  readonly fingerprint?: string;
  loadBatch(request: BatchRequest): Promise<Batch> | Batch;
}
