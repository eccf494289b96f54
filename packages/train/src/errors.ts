/** What went wrong in `@ocrslim/train`; branch on this, never on the text. */
export type TrainErrorCode =
  | "invalid-option"
  | "invalid-data"
  | "invalid-loss"
  | "unknown-shape"
  | "unknown-operator"
  | "unsupported"
  | "not-differentiable"
  | "diverged"
  | "invalid-checkpoint"
  | "checkpoint-mismatch"
  | "out-of-memory"
  | "missing-engine"
  | "file-access";

/** Where it went wrong, where that is known. */
export interface TrainErrorDetails {
  readonly file?: string;
  readonly node?: string;
  readonly value?: string;
  readonly step?: number;
  readonly cause?: unknown;
}

/** The one error class of `@ocrslim/train`. */
export class TrainError extends Error {
  override readonly name = "TrainError";
  readonly code: TrainErrorCode;
  readonly file: string | undefined;
  readonly node: string | undefined;
  readonly value: string | undefined;
  /** The training step, from 1. */
  readonly step: number | undefined;

  constructor(code: TrainErrorCode, message: string, details: TrainErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.file = details.file;
    this.node = details.node;
    this.value = details.value;
    this.step = details.step;
  }
}
