import { type ExternalPlacement, encodeModelParts } from "../codec/encode-model.ts";
import { GraphError } from "../errors.ts";
import type { Model } from "../ir/model.ts";
import type { Tensor } from "../ir/tensor.ts";
import { listTensors } from "./list-tensors.ts";

/** Options of {@link writeModel}. */
export interface WriteModelOptions {
  /**
   * Where weights go. `"keep"`: an unedited model's external data is copied along with it, an
   * edited one's is written anew into one file; models without external data stay in one file.
   * `"file"`: everything into the ONNX file. `"external"`: tensors of `externalThreshold` bytes and
   * more into a file beside it, `NAME.onnx.data`, or `NAME.onnx.2.data` while the first is in use; the
   * data of the file that is replaced is removed. Default: `"keep"`.
   */
  readonly weights?: "keep" | "file" | "external";
  /** Smallest tensor, in bytes, that is written as external data. Default: 1024. */
  readonly externalThreshold?: number;
}

/** The options {@link writeModel} uses where none are given. */
export const WRITE_MODEL_DEFAULTS: Required<WriteModelOptions> = {
  weights: "keep",
  externalThreshold: 1024,
};

/** Data of external tensors starts at multiples of this, so that it can be mapped into memory. */
const ALIGNMENT = 4096;
const LARGEST_FILE = 2 ** 31 - 1;

type FileHandle = import("node:fs/promises").FileHandle;

/**
 * Writes an ONNX file, through a temporary file beside it that is renamed at the end: a failure or
 * a kill at any moment leaves the old file or the new one. A model that was not edited is written
 * byte for byte as it was read.
 * @throws GraphError `file-access` if the file can't be written, or would exceed 2 GB.
 */
export async function writeModel(
  model: Model,
  file: string,
  options: WriteModelOptions = {},
): Promise<void> {
  const { weights, externalThreshold } = { ...WRITE_MODEL_DEFAULTS, ...options };
  const path = await import("node:path");
  const external = [...listTensors(model.graph)].filter(
    ({ storage }) => storage.kind === "external",
  );
  if (weights === "keep" && external.length > 0 && model._source) {
    await copyExternalFiles(model, external, path.dirname(path.resolve(file)));
  } else if (weights === "external" || (weights === "keep" && external.length > 0)) {
    await writeWithExternalData(model, file, externalThreshold, new Set(external.map(locationOf)));
    return;
  }
  const parts = encodeModelParts(
    model,
    weights === "file" && external.length > 0 ? () => undefined : undefined,
  );
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size > LARGEST_FILE) {
    throw new GraphError(
      "file-access",
      `writeModel: ${file} would have ${size} bytes, more than an ONNX file can have (2 GB); write it with weights: "external"`,
      { file },
    );
  }
  await writeAtomically(file, (handle) => writeParts(handle, parts));
}

function locationOf(tensor: Tensor): string {
  return tensor.storage.kind === "external" ? tensor.storage.location.location : "";
}

async function copyExternalFiles(
  model: Model,
  external: readonly Tensor[],
  folder: string,
): Promise<void> {
  const { _externalFolder: from } = model;
  if (from === undefined || from === folder) return;
  const [fs, path] = await Promise.all([import("node:fs/promises"), import("node:path")]);
  for (const location of new Set(external.map(locationOf))) {
    const parts = location.split(/[\\/]/);
    const target = path.join(folder, ...parts);
    await fs.mkdir(path.dirname(target), { recursive: true }).catch((error: unknown) => {
      throw unwritable(target, error);
    });
    await writeAtomically(target, async (_handle, temporary) => {
      await fs.copyFile(path.join(from, ...parts), temporary);
    });
  }
}

async function writeWithExternalData(
  model: Model,
  file: string,
  threshold: number,
  taken: ReadonlySet<string>,
): Promise<void> {
  const [fs, path] = await Promise.all([import("node:fs/promises"), import("node:path")]);
  const folder = path.dirname(path.resolve(file));
  const base = path.basename(file);
  const read = new Set(
    [...taken].map((location) => path.resolve(model._externalFolder ?? folder, location)),
  );
  const pathOf = (name: string): string => path.join(folder, name);
  const isOurs = (name: string): boolean =>
    name.startsWith(base) && /^(\.\d+)?\.data$/.test(name.slice(base.length));
  const present = (await fs.readdir(folder).catch(() => [])).filter(isOurs);
  // The data of the file that is replaced stays until that is done; what the model reads from stays
  // for good.
  const outdated = present.filter((name) => !read.has(pathOf(name)));
  let location = `${base}.data`;
  for (let counter = 2; present.includes(location) || read.has(pathOf(location)); counter++)
    location = `${base}.${counter}.data`;
  const places = new Map<Tensor, { location: string; offset: number; length: number }>();
  await writeAtomically(pathOf(location), async (handle) => {
    let end = 0;
    for (const tensor of listTensors(model.graph)) {
      if (tensor.storage.kind === "strings" || tensor.byteLength < threshold || places.has(tensor))
        continue;
      const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
      // Loaded anew rather than through `bytes`, which would keep it in memory.
      const bytes = tensor.storage.kind === "external" ? tensor.storage.load() : tensor.bytes;
      if (offset > end) await handle.write(new Uint8Array(offset - end), 0, offset - end, end);
      await writeParts(handle, [bytes], offset);
      places.set(tensor, { location, offset, length: bytes.length });
      end = offset + bytes.length;
    }
  });
  const place: ExternalPlacement = (tensor) => places.get(tensor);
  try {
    await writeAtomically(file, (handle) => writeParts(handle, encodeModelParts(model, place)));
  } catch (error) {
    await fs.rm(pathOf(location), { force: true });
    throw error;
  }
  for (const name of outdated) await fs.rm(pathOf(name), { force: true });
}

async function writeParts(
  handle: FileHandle,
  parts: readonly Uint8Array[],
  position = 0,
): Promise<void> {
  let at = position;
  for (const part of parts) {
    for (let done = 0; done < part.length; ) {
      const { bytesWritten } = await handle.write(
        part,
        done,
        Math.min(part.length - done, 1 << 30),
        at + done,
      );
      done += bytesWritten;
    }
    at += part.length;
  }
}

async function writeAtomically(
  file: string,
  write: (handle: FileHandle, temporary: string) => Promise<void>,
): Promise<void> {
  const fs = await import("node:fs/promises");
  const temporary = `${file}.${process.pid}.${Math.trunc(performance.now() * 1000)}.tmp`;
  try {
    const handle = await fs.open(temporary, "wx");
    try {
      await write(handle, temporary);
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw error instanceof GraphError ? error : unwritable(file, error);
  }
}

function unwritable(file: string, error: unknown): GraphError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new GraphError(
    "file-access",
    `writeModel: ${file} can't be written (${code ?? message}); check the folder and the space left`,
    { file, cause: error },
  );
}
