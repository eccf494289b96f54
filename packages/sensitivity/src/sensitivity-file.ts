import { messageOf, SensitivityError } from "./errors.ts";
import { type FileLockOptions, withFileLock } from "./file-lock.ts";
import { mergeSensitivities } from "./merge-sensitivities.ts";
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
 * Writes a sensitivity file, whatever was there before, through a temporary file beside it that is renamed: a kill at any moment
 * leaves the old file or the new one.
 * @throws SensitivityError `file-access` if it can not be written.
 */
export async function writeSensitivities(path: string, report: SensitivityReport): Promise<void> {
  const { rename } = await import("node:fs/promises");
  await writeBeside("writeSensitivities", path, report, (temporary) => rename(temporary, path));
}

/** Options of {@link appendSensitivities}. */
export interface AppendOptions extends FileLockOptions {
  /** Ids of the groups in the order in which the curves are to stand. Default: as they come. */
  readonly groupOrder?: readonly string[];
}

/**
 * Adds what a report holds to a sensitivity file, or begins it, and returns what the file then holds.
 * Any number of processes may add to one file at the same time: each has the file to itself (a lock
 * file `PATH.lock`, which is recovered if its holder crashed), reads it again, merges, and renames
 * the result into place. A report with one point is a small thing to add:
 * `{ ...report, curves: [{ group, width, points: [point] }] }`.
 * @throws SensitivityError `contradiction` if the file is of another model, data or setting, or has
 * another loss for the same point; `file-access`; `malformed-file`. The file is then as it was.
 */
export async function appendSensitivities(
  path: string,
  addition: SensitivityReport,
  options: AppendOptions = {},
): Promise<SensitivityReport> {
  const { rename } = await import("node:fs/promises");
  for (;;) {
    const added = await withFileLock(
      path,
      async (lock) => {
        const found = await readSensitivitiesIfThere(path);
        const merged = orderCurves(
          mergeSensitivities(found ? [found, addition] : [addition]),
          options.groupOrder,
        );
        let isKept = true;
        await writeBeside("appendSensitivities", path, merged, async (temporary) => {
          // Who slept over its lock might overwrite what others have added since.
          isKept = await lock.isHeld();
          if (isKept) await rename(temporary, path);
        });
        return isKept ? merged : undefined;
      },
      options,
    );
    if (added) return added;
  }
}

function orderCurves(
  report: SensitivityReport,
  order: readonly string[] | undefined,
): SensitivityReport {
  if (!order) return report;
  const place = new Map(order.map((id, index) => [id, index]));
  const placeOf = (id: string): number => place.get(id) ?? order.length;
  return {
    ...report,
    curves: report.curves.toSorted((a, b) => placeOf(a.group) - placeOf(b.group)),
  };
}

/** Writes a temporary file for `use` to rename; it is gone afterwards. */
async function writeBeside(
  name: string,
  path: string,
  report: SensitivityReport,
  use: (temporary: string) => Promise<void>,
): Promise<void> {
  const { rm, writeFile } = await import("node:fs/promises");
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await writeFile(temporary, `${JSON.stringify(report, undefined, 1)}\n`);
    await use(temporary);
  } catch (cause) {
    throw fileError(name, path, cause);
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

function fileError(name: string, file: string, cause: unknown): SensitivityError {
  return new SensitivityError("file-access", `${name}: ${file}: ${messageOf(cause)}`, {
    file,
    cause,
  });
}
