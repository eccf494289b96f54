import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * The folder of larger reference material (models, labelled images, fixtures), or `undefined` where
 * there is none: `OCRSLIM_SHARED`, else `../shared` beside the workspace. With `relative`, the path
 * of one thing in it.
 */
export function sharedPath(relative = ""): string | undefined {
  const root =
    process.env["OCRSLIM_SHARED"] ?? fileURLToPath(new URL("../../../../shared", import.meta.url));
  const path = relative ? `${root}/${relative}` : root;
  return existsSync(path) ? path : undefined;
}
