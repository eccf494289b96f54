import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { TrainError } from "../errors.ts";
import { CHECKPOINT_FORMAT_VERSION, type Checkpoint } from "./checkpoint.ts";
import { CHUNK_BYTES, HASH_BYTES, MAGIC, PREFIX_BYTES, swapIfBigEndian } from "./format.ts";

type Header = Omit<Checkpoint, "state"> & {
  readonly vectors: readonly { readonly name: string; readonly size: number }[];
};

/**
 * Reads what `writeCheckpoint` wrote.
 * @throws TrainError `invalid-checkpoint` if it is no checkpoint, of a newer format, truncated or
 *   damaged; `file-access` if it is absent or can't be read.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    return await readContent(handle, path);
  } catch (cause) {
    if (cause instanceof TrainError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new TrainError(
      "file-access",
      `readCheckpoint: ${path} can't be read (${code ?? message}); give the path of a checkpoint`,
      { file: path, cause },
    );
  } finally {
    await handle?.close();
  }
}

async function readContent(handle: FileHandle, path: string): Promise<Checkpoint> {
  const invalid = (what: string, cause?: unknown): TrainError =>
    new TrainError("invalid-checkpoint", `readCheckpoint: ${path} ${what}`, { file: path, cause });
  const { size } = await handle.stat();
  const truncated = (needed: number): TrainError =>
    invalid(
      `has ${size} bytes where ${needed} belong: it is ${size < needed ? "truncated" : "damaged"}; take another checkpoint`,
    );
  const hash = createHash("sha256");
  let position = 0;
  const read = async (bytes: Uint8Array): Promise<void> => {
    for (let done = 0; done < bytes.length; ) {
      const length = Math.min(bytes.length - done, CHUNK_BYTES);
      const { bytesRead } = await handle.read(bytes, done, length, position);
      if (bytesRead === 0) throw truncated(position + bytes.length - done);
      done += bytesRead;
      position += bytesRead;
    }
  };

  const prefix = Buffer.alloc(PREFIX_BYTES);
  await read(prefix.subarray(0, Math.min(size, PREFIX_BYTES)));
  if (size === 0 || !MAGIC.startsWith(prefix.toString("latin1", 0, Math.min(size, MAGIC.length)))) {
    throw invalid("is not a checkpoint of OCRSlim; give a file such as last.ckpt");
  }
  if (size < PREFIX_BYTES) throw truncated(PREFIX_BYTES + HASH_BYTES);
  const version = prefix.readUInt32LE(8);
  if (version > CHECKPOINT_FORMAT_VERSION) {
    throw invalid(
      `is of format ${version}, newer than the ${CHECKPOINT_FORMAT_VERSION} that this version reads; update @ocrslim/train`,
    );
  }
  const headerBytes = prefix.readUInt32LE(12);
  const headerEnd = PREFIX_BYTES + headerBytes;
  if (headerEnd + HASH_BYTES > size) throw truncated(headerEnd + HASH_BYTES);
  const text = Buffer.alloc(headerBytes);
  await read(text);
  hash.update(prefix).update(text);

  let header: Header;
  try {
    header = JSON.parse(text.toString("utf8"));
  } catch (cause) {
    throw invalid("is damaged: its header is no JSON; take another checkpoint", cause);
  }
  const { vectors, ...content } = header;
  if (!Array.isArray(vectors) || vectors.some((vector) => !isSize(vector?.size))) {
    throw invalid("is damaged: its header lists no vectors; take another checkpoint");
  }
  const needed = vectors.reduce((sum, vector) => sum + vector.size * 4, headerEnd + HASH_BYTES);
  if (needed !== size) throw truncated(needed);

  const state: Record<string, Float32Array> = {};
  for (const { name, size: length } of vectors) {
    const data = new Float32Array(length);
    const bytes = new Uint8Array(data.buffer);
    await read(bytes);
    hash.update(bytes);
    swapIfBigEndian(data);
    state[name] = data;
  }
  const stored = Buffer.alloc(HASH_BYTES);
  await read(stored);
  if (version < 1 || !hash.digest().equals(stored)) {
    throw invalid("is damaged: its SHA-256 does not fit; take another checkpoint");
  }
  return { ...content, state };
}

const isSize = (size: unknown): boolean => Number.isSafeInteger(size) && Number(size) >= 0;
