import { decodeModel } from "../codec/decode-model.ts";
import { GraphError } from "../errors.ts";
import type { Model } from "../ir/model.ts";
import { createExternalLoader, resolveExternalPath } from "./external-data.ts";
import { listTensors } from "./list-tensors.ts";

/** The most bytes that the model file itself may have (a limit of protobuf). */
const LARGEST_FILE = 2 ** 31 - 1;
const READ_BYTES = 1 << 26;

/**
 * Reads an ONNX file. Weights stay where they are in the file's bytes; external data is looked for
 * in the file's folder, and read when it is first asked for.
 * @throws GraphError `file-access`, `malformed-model`, `invalid-model`, `unsafe-path`; the message
 *   names the file.
 */
export async function readModel(file: string): Promise<Model> {
  const [fs, path] = await Promise.all([import("node:fs"), import("node:path")]);
  const folder = path.dirname(path.resolve(file));
  try {
    const bytes = await readFile(fs.promises, file);
    const model = decodeModel(bytes, { externalData: createExternalLoader(fs, path, folder) });
    for (const tensor of listTensors(model.graph)) {
      if (tensor.storage.kind !== "external") continue;
      model._externalFolder = folder;
      resolveExternalPath(fs, path, folder, tensor.storage.location.location, tensor.name ?? "");
    }
    return model;
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    throw new GraphError(error.code, `${file}: ${error.message}`, {
      file,
      ...(error.node === undefined ? {} : { node: error.node }),
      ...(error.value === undefined ? {} : { value: error.value }),
      cause: error,
    });
  }
}

async function readFile(fs: typeof import("node:fs/promises"), file: string): Promise<Uint8Array> {
  const access = (what: string, cause?: unknown): GraphError =>
    new GraphError("file-access", `readModel: ${what}`, { file, cause });
  const unreadable = (error: NodeJS.ErrnoException): never => {
    throw access(
      error.code === "ENOENT"
        ? "there is no such file; check the path"
        : `the file can't be opened (${error.code ?? error.message})`,
      error,
    );
  };
  // Before it is opened: a pipe would be waited for.
  if (!(await fs.stat(file).catch(unreadable)).isFile())
    throw access("this is not a file; give the path of an .onnx file");
  const handle = await fs.open(file, "r").catch(unreadable);
  try {
    const stat = await handle.stat();
    if (stat.size > LARGEST_FILE) {
      throw access(
        `the file has ${stat.size} bytes, more than an ONNX file can have (2 GB); larger models keep their weights in external data`,
      );
    }
    // Not from Buffer's pool: the model's weights are views of these bytes.
    const bytes = new Uint8Array(stat.size);
    for (let done = 0; done < stat.size; ) {
      const { bytesRead } = await handle.read(
        bytes,
        done,
        Math.min(READ_BYTES, stat.size - done),
        done,
      );
      if (bytesRead === 0)
        throw access(
          `the file ended after ${done} of ${stat.size} bytes; it changed while it was read`,
        );
      done += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}
