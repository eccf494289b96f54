import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import { extname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { CliError } from "../../cli-error.ts";

/** A file that several machines can get: under a shared folder or address, or at the same path. */
export interface SharedFile {
  /** Relative to the shared folder, with `/`; absolute where there is none. */
  readonly path: string;
  /** SHA-256 of its bytes, hexadecimal. */
  readonly sha256: string;
}

/**
 * Describes a file for other machines.
 * @throws CliError `unsuitable-data` if it is not below the shared folder.
 */
export async function describeSharedFile(
  path: string,
  shared: string | undefined,
): Promise<SharedFile> {
  const sha256 = await hashFile(path);
  if (shared === undefined) return { path: resolve(path), sha256 };
  const inside = relative(shared, path);
  if (inside === "" || inside.startsWith("..") || isAbsolute(inside)) {
    throw new CliError(
      "unsuitable-data",
      `--shared ${shared}: ${path} is not below it; move it there, or share another folder`,
    );
  }
  return { path: inside.split(sep).join("/"), sha256 };
}

/** Where a worker finds shared files. */
export interface SharedSource {
  /** Returns a local path of a file with exactly that content. */
  locate(file: SharedFile): Promise<string>;
}

/**
 * Finds shared files below a folder or, downloaded into `cacheFolder`, an `http(s)://` address.
 * Nothing outside the folder is ever opened, whatever a sweep asks for. Without either, absolute paths
 * are taken as they are.
 * @throws CliError `missing-file` or `unsuitable-data`, from `locate`, if there is no such file or it
 * is another one.
 */
export function openSharedSource(
  shared: string | undefined,
  cacheFolder: string,
  signal?: AbortSignal,
): SharedSource {
  const isUrl = shared !== undefined && /^https?:\/\//.test(shared);
  const find = async (file: SharedFile): Promise<string> => {
    if (shared === undefined) return file.path;
    const parts = file.path.split("/");
    if (isAbsolute(file.path) || parts.some((part) => part === ".." || part.includes("\\"))) {
      throw new CliError(
        "unsuitable-data",
        `--shared ${shared}: the sweep asks for ${JSON.stringify(file.path)}, which is not below it; give the same --shared to sensitivity`,
      );
    }
    return isUrl ? await download(shared, file, cacheFolder, signal) : join(shared, ...parts);
  };
  return {
    async locate(file) {
      const path = await find(file);
      if (!(await stat(path).catch(() => undefined))?.isFile()) {
        throw new CliError(
          "missing-file",
          `${path}: there is no such file on this machine; give --shared with the folder or address that holds it`,
        );
      }
      const sha256 = await hashFile(path);
      if (sha256 === file.sha256) return path;
      throw new CliError(
        "unsuitable-data",
        `${path}: it is another file than the sweep's (SHA-256 ${sha256}, not ${file.sha256}); copy the right one`,
      );
    },
  };
}

async function download(
  base: string,
  file: SharedFile,
  cacheFolder: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const target = join(cacheFolder, `${file.sha256}${extname(file.path)}`);
  if (await stat(target).catch(() => undefined)) return target;
  const address = `${base.replace(/\/+$/, "")}/${file.path.split("/").map(encodeURIComponent).join("/")}`;
  let bytes: Uint8Array;
  try {
    const response = await fetch(address, signal ? { signal } : {});
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    signal?.throwIfAborted();
    const { message, cause: inner } = cause as Error;
    throw new CliError(
      "missing-file",
      `${address}: cannot be downloaded: ${inner instanceof Error ? inner.message : message}; check --shared`,
      { cause },
    );
  }
  await mkdir(cacheFolder, { recursive: true });
  await writeFile(`${target}.tmp`, bytes);
  await rename(`${target}.tmp`, target);
  return target;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
