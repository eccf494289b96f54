/** What went wrong in the command line itself; branch on this, never on the text. */
export type CliErrorCode =
  | "invalid-option"
  | "conflicting-options"
  | "missing-option"
  | "invalid-config"
  | "invalid-report"
  | "unwritable-output"
  | "missing-file"
  | "unsuitable-data"
  | "unsuitable-model"
  | "verification-failed";

/** Bad input found by the command line: what is wrong, where, and what to do. Exit code 1. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
