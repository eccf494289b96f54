import type { BatchInput, Parameter, StateVector, TrainingState } from "../step/training-step.ts";

/** The newest layout of the file that this version writes, and the only one that it reads. */
export const CHECKPOINT_FORMAT_VERSION = 1;

/** What a checkpoint remembers of its training step. */
export interface CheckpointStep {
  /** `TrainingStep.fingerprint`. */
  readonly fingerprint: string;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly Parameter[];
  readonly state: readonly StateVector[];
  readonly batch: readonly BatchInput[];
  /** Micro-batches for one update. */
  readonly accumulate: number;
}

/** What a run was started with. */
export interface CheckpointRun {
  readonly seed: number;
  /** Samples in a micro-batch. */
  readonly batchSize: number;
  readonly dataSize: number;
  readonly dataFingerprint?: string;
  /** `TrainingEngine.description`: other engines give other bits. */
  readonly engine: string;
  /** Learning rates at points spread evenly over the run, to notice another schedule. */
  readonly learningRates: readonly number[];
}

/** How long a run was to be; those that are there. */
export interface TrainingLimits {
  readonly updates?: number;
  readonly epochs?: number;
  readonly minutes?: number;
}

/** One evaluation of the weights after `update` updates. */
export interface EvaluationRecord {
  readonly update: number;
  /** Higher is better. */
  readonly metric: number;
  readonly reports?: Readonly<Record<string, number>>;
}

/** How far a run has come. */
export interface TrainingProgress {
  /** Updates that are done. */
  readonly updates: number;
  /** Micro-batches that are done: where the data goes on. */
  readonly microBatches: number;
  /** Updates in all: what the schedule sees. */
  readonly total: number;
  readonly limits: TrainingLimits;
  /** Sums over the micro-batches of an update that is not complete. */
  readonly partial: { readonly loss: number; readonly reports: Readonly<Record<string, number>> };
  readonly evaluations: readonly EvaluationRecord[];
  readonly best?: EvaluationRecord;
  /** Early stopping: the metric to beat, and evaluations since it was reached. */
  readonly stopping?: { readonly metric: number; readonly evaluations: number };
  /** Divergence: losses of the latest updates, and the least mean of as many. */
  readonly losses: { readonly latest: readonly number[]; readonly bestMean?: number };
  /** Time spent, over all sessions of the run. */
  readonly elapsedMs: number;
}

/** All that a run needs to go on as if it had never stopped. */
export interface Checkpoint {
  readonly step: CheckpointStep;
  readonly run: CheckpointRun;
  readonly progress: TrainingProgress;
  readonly state: TrainingState;
}
