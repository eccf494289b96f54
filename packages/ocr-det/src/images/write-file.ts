import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { OcrDetError } from "../errors.ts";

/**
 * Writes a file through a temporary one beside it, so that it appears complete or not at all;
 * missing folders are made. `caller` names the function in errors.
 *
 * @throws OcrDetError `write-failed`.
 */
export async function writeFileSafely(
  path: string,
  content: string | Uint8Array,
  caller: string,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new OcrDetError(
      "write-failed",
      `${caller}: ${path} cannot be written (${(cause as Error).message}); give a path that can`,
      { file: path, cause },
    );
  }
}
