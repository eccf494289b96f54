import type { PruningPlan } from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import { parsePlan } from "./parse-plan.ts";

/**
 * Reads a plan from a JSON file.
 * @throws PruneError `file-access` if the file cannot be read, `invalid-plan` if it holds no plan.
 * @category I/O
 */
export async function readPlan(path: string): Promise<PruningPlan> {
  const { readFile } = await import("node:fs/promises");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new PruneError("file-access", `readPlan: cannot read ${path}; ${messageOf(cause)}`, {
      file: path,
      cause,
    });
  }
  try {
    return parsePlan(JSON.parse(text.replace(/^\uFEFF/, "")));
  } catch (cause) {
    const details = cause instanceof PruneError && cause.group ? { group: cause.group } : {};
    throw new PruneError(
      "invalid-plan",
      `readPlan: ${path} is not a pruning plan; ${messageOf(cause)}`,
      { file: path, cause, ...details },
    );
  }
}

/**
 * Writes a plan as a JSON file, lists of numbers on one line. A kill at any moment leaves either the
 * old file or the new one.
 * @throws PruneError `file-access` if the file cannot be written; nothing is left then.
 * @category I/O
 */
export async function writePlan(plan: PruningPlan, path: string): Promise<void> {
  const { rename, rm, writeFile } = await import("node:fs/promises");
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, formatPlan(plan));
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new PruneError("file-access", `writePlan: cannot write ${path}; ${messageOf(cause)}`, {
      file: path,
      cause,
    });
  }
}

/** Indented JSON. Texts hold no raw line breaks, so only lists of numbers match. */
function formatPlan(plan: PruningPlan): string {
  const text = JSON.stringify(plan, null, 2);
  return `${text.replace(/\[\n\s*-?\d[^[\]{}"]*\n\s*\]/g, (list) =>
    list.replace(/\s+/g, " ").replace("[ ", "[").replace(" ]", "]"),
  )}\n`;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
