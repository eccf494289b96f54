/** What went wrong. Branch on this, never on the message. */
export type OcrDetErrorCode =
  | "file-not-found"
  | "empty-file"
  | "empty-folder"
  | "invalid-label"
  | "invalid-polygon"
  | "missing-image"
  | "missing-ground-truth"
  | "not-an-image"
  | "image-too-large"
  | "write-failed"
  | "invalid-option"
  | "invalid-map"
  | "unsupported-model"
  | "invalid-weights"
  | "mismatched-weights"
  | "unlabelled"
  | "mismatched-images"
  | "overlapping-datasets";

/** Where it went wrong, as far as that is known. */
export interface OcrDetErrorDetails {
  readonly file?: string;
  /** Line in `file`, from 1. */
  readonly line?: number;
  readonly cause?: unknown;
}

/** Every error that this package raises about its input. */
export class OcrDetError extends Error {
  override readonly name = "OcrDetError";
  readonly code: OcrDetErrorCode;
  readonly file: string | undefined;
  readonly line: number | undefined;

  constructor(code: OcrDetErrorCode, message: string, details: OcrDetErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.file = details.file;
    this.line = details.line;
  }
}
