import { readFile, stat } from "node:fs/promises";
import { OcrDetError } from "../errors.ts";

const MAXIMUM_BYTES = 256 * 1024 * 1024;

/** A line with something on it, and its number from 1. */
export interface TextLine {
  readonly line: number;
  readonly text: string;
}

/**
 * Returns the lines of a UTF-8 file that are not blank; a byte order mark and CRLF are accepted.
 * `caller` names the function in errors.
 *
 * @throws OcrDetError `file-not-found`, `empty-file`, `invalid-label` (not UTF-8, too large).
 */
export async function readLines(file: string, caller: string): Promise<readonly TextLine[]> {
  const status = await stat(file).catch(() => undefined);
  if (!status?.isFile()) {
    throw new OcrDetError("file-not-found", `${caller}: there is no file ${file}; check the path`, {
      file,
    });
  }
  if (status.size > MAXIMUM_BYTES) {
    throw new OcrDetError(
      "invalid-label",
      `${caller}: ${file} has ${status.size} bytes, more than ${MAXIMUM_BYTES}; give a label file`,
      { file },
    );
  }
  const bytes = await readFile(file);
  let text: string;
  try {
    // Drops a byte order mark.
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new OcrDetError(
      "invalid-label",
      `${caller}: ${file} is not UTF-8 text; give a label file, or save it as UTF-8`,
      { file, cause },
    );
  }
  return text
    .split(/\r?\n/)
    .map((content, index) => ({ line: index + 1, text: content }))
    .filter((entry) => entry.text.trim() !== "");
}

/** Throws `empty-file` if there is nothing to read in `file`. */
export function assertNotEmpty(entries: readonly unknown[], file: string, caller: string): void {
  if (entries.length === 0) {
    throw new OcrDetError("empty-file", `${caller}: ${file} has no lines; give a label file`, {
      file,
    });
  }
}

/** Whether `path` is a file (or a link to one). */
export async function isFile(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  return status?.isFile() ?? false;
}
