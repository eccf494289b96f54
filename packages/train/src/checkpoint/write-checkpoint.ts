import { createHash } from "node:crypto";
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { TrainError } from "../errors.ts";
import { CHECKPOINT_FORMAT_VERSION, type Checkpoint } from "./checkpoint.ts";
import { CHUNK_BYTES, littleEndianBytes, MAGIC, PREFIX_BYTES } from "./format.ts";

/** Temporary files that this process is writing. */
const underWay = new Set<string>();
let counter = 0;

/**
 * Writes a checkpoint. The file appears complete or not at all: it is written beside its place,
 * flushed to the disk and then renamed, so that a crash or a full disk leaves the one before as it
 * was. What crashed writers left beside it is removed.
 * @throws TrainError `file-access`.
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const temporary = `${path}.${process.pid}-${counter++}.tmp`;
  underWay.add(temporary);
  try {
    await removeLeftovers(path);
    const handle = await open(temporary, "w");
    try {
      await writeContent(handle, checkpoint);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new TrainError(
      "file-access",
      `writeCheckpoint: ${path} can't be written (${code ?? message}); check the folder and the space left. A checkpoint that was there is as it was`,
      { file: path, cause },
    );
  } finally {
    underWay.delete(temporary);
  }
}

async function writeContent(handle: FileHandle, checkpoint: Checkpoint): Promise<void> {
  const { state, ...content } = checkpoint;
  const vectors = Object.entries(state);
  const header = Buffer.from(
    JSON.stringify({
      ...content,
      vectors: vectors.map(([name, data]) => ({ name, size: data.length })),
    }),
  );
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC, "latin1");
  prefix.writeUInt32LE(CHECKPOINT_FORMAT_VERSION, 8);
  prefix.writeUInt32LE(header.length, 12);

  const hash = createHash("sha256");
  let position = 0;
  const write = async (bytes: Uint8Array): Promise<void> => {
    for (let done = 0; done < bytes.length; ) {
      const length = Math.min(bytes.length - done, CHUNK_BYTES);
      const { bytesWritten } = await handle.write(bytes, done, length, position);
      done += bytesWritten;
      position += bytesWritten;
    }
  };
  for (const bytes of [prefix, header, ...vectors.map(([, data]) => littleEndianBytes(data))]) {
    hash.update(bytes);
    await write(bytes);
  }
  await write(hash.digest());
}

/** The rename itself outlives a power cut only so; not every system lets a folder be opened. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

/** Removes the temporary files of `path` whose writers are gone. */
async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const start = `${basename(path)}.`;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(start)) continue;
    const writer = /^(\d+)-\d+\.tmp$/.exec(name.slice(start.length))?.[1];
    if (writer === undefined) continue;
    const file = join(folder, name);
    const isLeftover =
      Number(writer) === process.pid ? !isUnderWay(file) : !isAlive(Number(writer));
    if (isLeftover) await rm(file, { force: true });
  }
}

function isUnderWay(file: string): boolean {
  return [...underWay].some((path) => join(path) === file);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
