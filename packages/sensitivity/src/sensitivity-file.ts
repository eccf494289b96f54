import { messageOf, SensitivityError } from "./errors.ts";
import { parseSensitivities } from "./parse-sensitivities.ts";
import type { SensitivityReport } from "./report.ts";

/**
 * Reads a sensitivity file.
 * @throws SensitivityError `file-access` if it can not be read, `malformed-file` if it is no
 * sensitivity file.
 */
export async function readSensitivities(path: string): Promise<SensitivityReport> {
  const report = await readSensitivitiesIfThere(path);
  if (report) return report;
  throw new SensitivityError(
    "file-access",
    `readSensitivities: there is no file ${path}; check the path`,
    { file: path },
  );
}

/** @internal `undefined` if there is no such file. */
export async function readSensitivitiesIfThere(
  path: string,
): Promise<SensitivityReport | undefined> {
  const { readFile } = await import("node:fs/promises");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw fileError("readSensitivities", path, cause);
  }
  return parseSensitivities(text, path);
}

/**
 * Writes a sensitivity file, through a temporary file beside it that is renamed: a kill at any moment
 * leaves the old file or the new one.
 * @throws SensitivityError `file-access` if it can not be written.
 */
export async function writeSensitivities(path: string, report: SensitivityReport): Promise<void> {
  const { rename, rm, writeFile } = await import("node:fs/promises");
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, `${JSON.stringify(report, undefined, 1)}\n`);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw fileError("writeSensitivities", path, cause);
  }
}

function fileError(name: string, file: string, cause: unknown): SensitivityError {
  return new SensitivityError("file-access", `${name}: ${file}: ${messageOf(cause)}`, {
    file,
    cause,
  });
}
