export { CliError, type CliErrorCode } from "./cli-error.ts";
export type { ExitCode } from "./describe-error.ts";
export type { Io, TextWriter } from "./io.ts";
export { run } from "./run.ts";
