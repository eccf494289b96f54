import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm, rmdir, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CliError } from "../cli-error.ts";
import { asOutputError } from "../describe-error.ts";

/** A name beside `path` for what is not finished yet. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}.tmp`);
}

/** Writes a file so that at any moment either the old one or the whole new one is there. */
export async function writeFileAtomically(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = temporaryName(path);
  try {
    const handle = await open(temporary, "wx");
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw asOutputError(path, error);
  }
}

/** Writes a value as indented JSON, atomically. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

async function probe(folder: string, path: string): Promise<void> {
  const temporary = temporaryName(join(folder, "probe"));
  try {
    await (await open(temporary, "wx")).close();
    await unlink(temporary);
  } catch (error) {
    throw asOutputError(path, error);
  }
}

/**
 * Makes sure that a file can be written at `path`, before any work is done for it. Leaves nothing
 * behind.
 * @throws CliError `unwritable-output`
 */
export async function assertWritableFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    throw new CliError(
      "unwritable-output",
      `${path}: cannot be written, it is a folder; give a file name with -o`,
    );
  }
  const folder = dirname(path);
  const parent = await stat(folder).catch(() => undefined);
  if (!parent) {
    throw new CliError(
      "unwritable-output",
      `${path}: cannot be written, the folder ${folder} does not exist; create it first`,
    );
  }
  if (!parent.isDirectory()) {
    throw new CliError(
      "unwritable-output",
      `${path}: cannot be written, ${folder} is not a folder; choose another place with -o`,
    );
  }
  await probe(folder, path);
}

/** A folder for results. */
export interface OutputFolder {
  readonly path: string;
  /** Removes what was created here and is still empty. For runs that fail. */
  discardEmpty(): Promise<void>;
}

/**
 * Creates a folder and those around it that are missing; returns the outermost one it created. Not
 * by `recursive`, which never returns where a file system refuses a folder with ENOENT (procfs).
 */
async function createFolders(path: string): Promise<string | undefined> {
  const missing: string[] = [];
  let folder = path;
  while ((await stat(folder).catch(() => undefined)) === undefined) {
    missing.unshift(folder);
    if (dirname(folder) === folder) break;
    folder = dirname(folder);
  }
  if (missing.length === 0 && !(await stat(path)).isDirectory()) await mkdir(path);
  for (const each of missing) await mkdir(each);
  return missing[0];
}

/**
 * Creates a folder for results, or takes one that is there, and makes sure that it can be written.
 * @throws CliError `unwritable-output`
 */
export async function createOutputFolder(path: string): Promise<OutputFolder> {
  let created: string | undefined;
  try {
    created = await createFolders(path);
  } catch (error) {
    const found = await stat(path).catch(() => undefined);
    if (found && !found.isDirectory()) {
      throw new CliError(
        "unwritable-output",
        `${path}: is a file, not a folder; choose another place with -o`,
      );
    }
    throw asOutputError(path, error);
  }
  await probe(path, path);
  return {
    path,
    async discardEmpty(): Promise<void> {
      if (created === undefined) return;
      let folder = path;
      while (folder.length >= created.length) {
        if ((await readdir(folder)).length > 0) return;
        await rmdir(folder);
        folder = dirname(folder);
      }
    },
  };
}
