/** What went wrong in `@ocrslim/graph`; branch on this, never on the text. */
export type GraphErrorCode =
  | "malformed-model"
  | "unsafe-path"
  | "file-access"
  | "invalid-model"
  | "unsupported"
  | "invalid-edit"
  | "invalid-option"
  | "shape-mismatch"
  | "transform-failed";

/** Where it went wrong, where that is known. */
export interface GraphErrorDetails {
  readonly file?: string;
  readonly node?: string;
  readonly value?: string;
  readonly cause?: unknown;
}

/** The one error class of `@ocrslim/graph`. */
export class GraphError extends Error {
  override readonly name = "GraphError";
  readonly code: GraphErrorCode;
  readonly file: string | undefined;
  readonly node: string | undefined;
  readonly value: string | undefined;

  constructor(code: GraphErrorCode, message: string, details: GraphErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.file = details.file;
    this.node = details.node;
    this.value = details.value;
  }
}
