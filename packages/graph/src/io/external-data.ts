import { GraphError } from "../errors.ts";
import type { ExternalLocation } from "../ir/tensor.ts";

type FileSystem = typeof import("node:fs");
type PathModule = typeof import("node:path");

/**
 * Returns the path of a file of external data.
 * @throws GraphError `unsafe-path` if it lies outside the model's folder, by its name or through a
 *   link; `file-access` if it is not there.
 */
export function resolveExternalPath(
  fs: FileSystem,
  path: PathModule,
  folder: string,
  location: string,
  tensor: string,
): string {
  const unsafe = (why: string): GraphError =>
    new GraphError(
      "unsafe-path",
      `readModel: tensor "${tensor}" has its data in "${location}", ${why}; external data must be a plain file inside the model's folder`,
      { value: tensor, file: location },
    );
  if (path.isAbsolute(location) || /^[a-z]:/i.test(location) || location.includes("\0"))
    throw unsafe("which is not a relative path");
  const parts = location.split(/[\\/]/);
  if (parts.includes("..")) throw unsafe("which leads out of the folder");
  const full = path.join(folder, ...parts);
  let at = folder;
  for (const part of parts) {
    at = path.join(at, part);
    const stat = access(tensor, location, full, () => fs.lstatSync(at, { throwIfNoEntry: false }));
    if (!stat) {
      throw new GraphError(
        "file-access",
        `readModel: tensor "${tensor}" has its data in "${location}", which is not in the model's folder; put the file beside the model`,
        { value: tensor, file: full },
      );
    }
    if (stat.isSymbolicLink()) throw unsafe("which goes through a link");
    if (at === full && !stat.isFile()) throw unsafe("which is not a file");
    if (at === full && stat.nlink > 1) throw unsafe("which has several hard links");
  }
  return full;
}

/** Runs a call to the file system; its errors become `file-access`. */
function access<T>(tensor: string, location: string, file: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new GraphError(
      "file-access",
      `readModel: tensor "${tensor}" has its data in "${location}", which can't be read (${code ?? message}); check the file`,
      { value: tensor, file, cause },
    );
  }
}

/** Reads external data from files in a folder, each tensor when it is first asked for. */
export function createExternalLoader(
  fs: FileSystem,
  path: PathModule,
  folder: string,
): (location: ExternalLocation, length: number, tensor: string) => Uint8Array {
  return (location, length, tensor) => {
    const file = resolveExternalPath(fs, path, folder, location.location, tensor);
    const { location: name } = location;
    const descriptor = access(tensor, name, file, () => fs.openSync(file, "r"));
    try {
      const { size } = fs.fstatSync(descriptor);
      if (location.offset + length > size) {
        throw new GraphError(
          "malformed-model",
          `readModel: tensor "${tensor}" needs bytes ${location.offset} to ${location.offset + length} of "${location.location}", which has ${size}; the data file is truncated or belongs to another model`,
          { value: tensor, file },
        );
      }
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const count = access(tensor, name, file, () =>
          fs.readSync(
            descriptor,
            bytes,
            done,
            Math.min(length - done, 1 << 30),
            location.offset + done,
          ),
        );
        if (count === 0)
          throw new GraphError("file-access", `readModel: "${file}" ended while it was read`, {
            file,
          });
        done += count;
      }
      return bytes;
    } finally {
      fs.closeSync(descriptor);
    }
  };
}
