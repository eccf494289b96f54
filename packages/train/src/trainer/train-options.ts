import type { RunContext, RunOptions } from "@ocrslim/graph";
import type { Runtime } from "@ocrslim/runtime";
import type { EvaluationRecord, TrainingLimits } from "../checkpoint/checkpoint.ts";
import type { TrainingEngine } from "../engine/engine.ts";
import type { Schedule } from "../optimizers/schedule.ts";
import type { TrainingState } from "../step/training-step.ts";
import type { DivergenceOptions } from "./divergence.ts";
import type { TrainingData } from "./training-data.ts";

/** What an evaluation of a training state found. */
export interface TrainingEvaluation {
  /** Finite; higher is better. */
  readonly metric: number;
  /** More numbers, which are kept with the metric. */
  readonly reports?: Readonly<Record<string, number>>;
}

/**
 * Measures the weights of a training state: `exportModel(model, step, state)` makes a model of it,
 * with the moving average if the step keeps one. For runs that can be repeated it must depend on the
 * state alone.
 */
export type EvaluateState = (
  state: TrainingState,
  context: RunContext,
) => Promise<TrainingEvaluation> | TrainingEvaluation;

/** What `train` tells after each update. */
export interface TrainingEvent {
  /** Number of the update, from 1. */
  readonly update: number;
  readonly total: number;
  /** Passes over the data so far, with a fraction. */
  readonly epoch: number;
  /** Mean over the micro-batches of the update, before it changed the weights. */
  readonly loss: number;
  /** The loss's reports, means as well. */
  readonly reports: Readonly<Record<string, number>>;
  readonly learningRate: number;
  /** Euclidean norm of the whole gradient, before clipping. */
  readonly gradientNorm: number;
  /** Training samples per second, smoothed; without the time of evaluations. */
  readonly samplesPerSecond: number;
  /** Estimate, evaluations included. */
  readonly remainingSeconds: number;
  /** Since the start of the run, over all its sessions. */
  readonly elapsedSeconds: number;
}

/** When to stop before the end. */
export interface EarlyStopping {
  /** Evaluations without a gain before training stops, 1 or more. */
  readonly patience: number;
  /** How much better than the best metric counts as a gain, 0 or more. Default: 0. */
  readonly minimumGain?: number;
}

/** Where checkpoints go. */
export interface CheckpointOptions {
  /** Gets `last.ckpt` and, with `evaluate`, `best.ckpt`; is made if absent. One run per folder. */
  readonly folder: string;
  /** Updates from one `last.ckpt` to the next. Default: as many as an epoch has. */
  readonly every?: number;
}

/** Options of `train`. One or more of `updates`, `epochs`, `minutes`: what comes first ends it. */
export interface TrainOptions extends Omit<RunOptions, "random"> {
  readonly engine: TrainingEngine;
  readonly data: TrainingData;
  /** Samples in a micro-batch: the batch that the step was built for. */
  readonly batchSize: number;
  readonly schedule: Schedule;
  /** Of the order of samples and of what batches draw, 0 to 2³² − 1. Default: 0. */
  readonly seed?: number;
  /** Updates of the weights in all. */
  readonly updates?: number;
  /** Passes over the data, also fractions. */
  readonly epochs?: number;
  /**
   * Time for the whole run. How many updates that makes is settled at the start, from the time of
   * three trial steps whose results are thrown away (and of one evaluation), since a schedule must
   * know its end; a resumed run keeps the number.
   */
  readonly minutes?: number;
  /** Default: no evaluation. */
  readonly evaluate?: EvaluateState;
  /** Updates from one evaluation to the next; there is one at the end as well. Default: an epoch's. */
  readonly evaluateEvery?: number;
  /** Also evaluate before the first update. Default: only with `minutes`. */
  readonly evaluateFirst?: boolean;
  /** Default: none. Needs `evaluate`. */
  readonly earlyStopping?: EarlyStopping;
  /** Default: nothing is written. */
  readonly checkpoint?: CheckpointOptions;
  /**
   * Whether to go on from `last.ckpt`: `auto` if it is there, `require` fails if not, `never` starts
   * anew and writes over it. Default: `auto`.
   */
  readonly resume?: "auto" | "never" | "require";
  /** Batches made while steps run, 0 or more. Default: 2. */
  readonly prefetch?: number;
  /** Stops a run whose loss grows. Default: only NaN and infinities stop it. */
  readonly divergence?: DivergenceOptions;
  /** Runs a step that failed once more, to name the first value that is not finite. Default: none. */
  readonly diagnostics?: { readonly runtime: Runtime };
  readonly onStep?: (event: TrainingEvent) => void;
}

/** What {@link TrainOptions} leave out. */
export const TRAIN_DEFAULTS: {
  readonly seed: number;
  readonly prefetch: number;
  readonly resume: "auto";
} = { seed: 0, prefetch: 2, resume: "auto" };

/** What `train` returns. */
export interface TrainingResult {
  /** After the last update. */
  readonly state: TrainingState;
  /** The state of the best evaluation, the first one of equals; absent without `evaluate`. */
  readonly best?: EvaluationRecord & { readonly state: TrainingState };
  readonly updates: number;
  /** Passes over the data, with a fraction. */
  readonly epochs: number;
  readonly evaluations: readonly EvaluationRecord[];
  readonly stopped: "complete" | "early-stopping";
  /** Updates that were done already when this session began; 0 if it began the run. */
  readonly resumedFrom: number;
  /** Over all sessions of the run. */
  readonly elapsedMs: number;
}

/** The limits among the options. */
export function limitsOf({ updates, epochs, minutes }: TrainingLimits): TrainingLimits {
  return {
    ...(updates === undefined ? {} : { updates }),
    ...(epochs === undefined ? {} : { epochs }),
    ...(minutes === undefined ? {} : { minutes }),
  };
}
