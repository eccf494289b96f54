import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";

const IMAGE_EXTENSIONS: ReadonlySet<string> = new Set([
  ".jpg",
  ".jpeg",
  ".png",
  ".webp",
  ".tif",
  ".tiff",
  ".gif",
  ".avif",
  ".bmp",
]);

/** Whether a path is named like an image. */
export function isImagePath(path: string): boolean {
  return IMAGE_EXTENSIONS.has(extname(path).toLowerCase());
}

/**
 * Returns the files below a folder as paths relative to it, with `/`, sorted by code units. Hidden
 * ones are left out, links are followed, each folder is entered once.
 */
export async function listFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  const seen = new Set<string>();
  const visit = async (path: string, prefix: string): Promise<void> => {
    const real = await realpath(path);
    if (seen.has(real)) return;
    seen.add(real);
    for (const name of await readdir(path)) {
      if (name.startsWith(".")) continue;
      const child = join(path, name);
      const status = await stat(child).catch(() => undefined);
      if (status?.isDirectory()) await visit(child, `${prefix}${name}/`);
      else if (status?.isFile()) files.push(prefix + name);
    }
  };
  await visit(folder, "");
  return files.sort((a, b) => (a < b ? -1 : 1));
}
