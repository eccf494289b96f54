/** What went wrong in `@ocrslim/prune`; branch on this, never on the text. */
export type PruneErrorCode =
  | "invalid-option"
  | "invalid-plan"
  | "invalid-group"
  | "plan-mismatch"
  | "not-applicable"
  | "missing-statistics"
  | "not-constant"
  | "unreachable-budget"
  | "slower-than-original"
  | "file-access";

/** Where it went wrong, where that is known. */
export interface PruneErrorDetails {
  readonly file?: string;
  readonly group?: string;
  readonly node?: string;
  readonly value?: string;
  readonly cause?: unknown;
}

/** The one error class of `@ocrslim/prune`. */
export class PruneError extends Error {
  override readonly name = "PruneError";
  readonly code: PruneErrorCode;
  readonly file: string | undefined;
  readonly group: string | undefined;
  readonly node: string | undefined;
  readonly value: string | undefined;

  constructor(code: PruneErrorCode, message: string, details: PruneErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.file = details.file;
    this.group = details.group;
    this.node = details.node;
    this.value = details.value;
  }
}
