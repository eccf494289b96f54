/** What went wrong in `@ocrslim/runtime`; branch on this, never on the text. */
export type RuntimeErrorCode =
  | "load-failed"
  | "invalid-feed"
  | "unknown-value"
  | "run-failed"
  | "disposed"
  | "unsupported"
  | "file-access"
  | "invalid-option"
  | "malformed-file"
  | "table-mismatch"
  | "noisy-machine";

/** Where it went wrong, where that is known. */
export interface RuntimeErrorDetails {
  /** Path or graph name of the model. */
  readonly model?: string;
  /** Name of the input, output or inner value. */
  readonly value?: string;
  readonly cause?: unknown;
}

/** The one error class of `@ocrslim/runtime`. */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly code: RuntimeErrorCode;
  readonly model: string | undefined;
  readonly value: string | undefined;

  constructor(code: RuntimeErrorCode, message: string, details: RuntimeErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.model = details.model;
    this.value = details.value;
  }
}

/** The text of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, " ").trim();
}
