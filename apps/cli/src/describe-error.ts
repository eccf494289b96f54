import { CliError } from "./cli-error.ts";

/** 0 good, 1 bad input, 2 a bug of ours, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 130;

/** What to tell the user about something that was thrown. */
export interface ErrorDescription {
  readonly exitCode: ExitCode;
  /** One line. */
  readonly message: string;
}

const knownErrors: ReadonlySet<string> = new Set([
  "CliError",
  "GraphError",
  "RuntimeError",
  "OcrDetError",
  "PruneError",
  "SensitivityError",
  "TrainError",
]);

/** What the operating system says, in words, by error code. */
const systemErrors: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "there is no such file or folder"],
  ["EACCES", "permission denied"],
  ["EPERM", "not permitted"],
  ["EISDIR", "it is a folder, not a file"],
  ["ENOTDIR", "a part of the path is a file, not a folder"],
  ["ENOSPC", "the disk is full"],
  ["EROFS", "the file system is read-only"],
  ["EEXIST", "it exists already"],
  ["EMFILE", "too many files are open"],
  ["ENAMETOOLONG", "the name is too long"],
  ["ELOOP", "too many symbolic links"],
  ["EXDEV", "it lies on another file system"],
]);

/** Codes of errors that only say where another one came from. */
const wrappingCodes: ReadonlySet<unknown> = new Set(["transform-failed", "point-failed"]);

/** Puts a text on one line. */
export function toOneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, " ").trim();
}

function asSystemError(error: unknown): { code: string; path: string | undefined } | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return undefined;
  const code = error.code;
  if (typeof code !== "string" || !systemErrors.has(code)) return undefined;
  const path = "path" in error && typeof error.path === "string" ? error.path : undefined;
  return { code, path };
}

/** Whether an error, or the one that caused it, is of a kind that speaks of the input. */
function isKnown(error: Error): boolean {
  if (!knownErrors.has(error.name)) return false;
  const wraps = "code" in error && wrappingCodes.has(error.code);
  const wrapped = wraps ? error.cause : undefined;
  return wrapped instanceof Error ? isKnown(wrapped) || asSystemError(wrapped) !== undefined : true;
}

/** Returns the exit code and the one line for whatever a command threw. */
export function describeError(error: unknown, signal?: AbortSignal): ErrorDescription {
  if (signal?.aborted && (error === signal.reason || isAbort(error))) {
    return { exitCode: 130, message: "interrupted; nothing half-written remains" };
  }
  const system = asSystemError(error);
  if (system) {
    const where = system.path === undefined ? "" : `${system.path}: `;
    return { exitCode: 1, message: `${where}${systemErrors.get(system.code)} (${system.code})` };
  }
  if (error instanceof Error && isKnown(error)) {
    return { exitCode: 1, message: toOneLine(error.message) };
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    exitCode: 2,
    message: `${toOneLine(text)} (a bug in ocrslim; run again with --debug for the stack)`,
  };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** Turns whatever was thrown while writing `path` into a `CliError`, keeping other errors. */
export function asOutputError(path: string, error: unknown): unknown {
  const system = asSystemError(error);
  if (!system) return error;
  return new CliError(
    "unwritable-output",
    `${path}: cannot be written, ${systemErrors.get(system.code)} (${system.code}); choose another place with -o`,
    { cause: error },
  );
}
