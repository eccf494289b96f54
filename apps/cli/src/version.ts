import { createRequire } from "node:module";

/** Version of the command line, from its package. */
export const version: string = (
  createRequire(import.meta.url)("../package.json") as { readonly version: string }
).version;
