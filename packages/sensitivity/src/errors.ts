/** What went wrong in `@ocrslim/sensitivity`; branch on this, never on the text. */
export type SensitivityErrorCode =
  | "invalid-option"
  | "invalid-score"
  | "invalid-metric"
  | "point-failed"
  | "malformed-file"
  | "file-access"
  | "queue-unreachable"
  | "contradiction";

/** Where it went wrong, where that is known. */
export interface SensitivityErrorDetails {
  /** Id of the channel group. */
  readonly group?: string;
  readonly ratio?: number;
  readonly file?: string;
  readonly cause?: unknown;
}

/** The one error class of `@ocrslim/sensitivity`. */
export class SensitivityError extends Error {
  override readonly name = "SensitivityError";
  readonly code: SensitivityErrorCode;
  readonly group: string | undefined;
  readonly ratio: number | undefined;
  readonly file: string | undefined;

  constructor(code: SensitivityErrorCode, message: string, details: SensitivityErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.group = details.group;
    this.ratio = details.ratio;
    this.file = details.file;
  }
}

/** The text of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, " ").trim();
}
