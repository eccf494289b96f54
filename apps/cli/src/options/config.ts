import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { CliError } from "../cli-error.ts";
import { toOneLine } from "../describe-error.ts";
import { applyOverride, type ConfigTree, isTree } from "./overrides.ts";
import { paddleSections, readPaddleConfig } from "./paddle-config.ts";

/** Largest config that is read, in bytes. */
const maximumSize = 1 << 20;

/** Option values that come from a file and from overrides. */
export interface ConfigValues {
  /** The file as it is with the overrides put in; for commands that read sections of their own. */
  readonly tree: ConfigTree;
  readonly values: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
}

/** Reads a YAML file. @throws CliError `invalid-config` unless it holds a mapping. */
export async function readTree(path: string): Promise<ConfigTree> {
  const bytes = await readFile(path);
  if (bytes.length > maximumSize) {
    throw new CliError(
      "invalid-config",
      `${path}: has ${bytes.length} bytes; a config has at most ${maximumSize}`,
    );
  }
  let tree: unknown;
  try {
    tree = parse(bytes.toString("utf8").replace(/^\uFEFF/, ""), { maxAliasCount: 100 });
  } catch (error) {
    const reason = error instanceof Error ? toOneLine(error.message) : String(error);
    throw new CliError("invalid-config", `${path}: is not YAML, ${reason}`, { cause: error });
  }
  if (tree === null || tree === undefined) return {};
  if (!isTree(tree)) {
    throw new CliError("invalid-config", `${path}: must be a mapping of keys and values`);
  }
  return tree;
}

function toCamelCase(key: string): string {
  return key.replace(/[-_](\w)/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Reads option values from a YAML file and from `Key.sub=value` overrides, which win over the file.
 * Keys are option names (`limit-side-len`), or PaddleOCR's own sections. A key that neither this
 * nor any other command has is named in a warning.
 */
export async function readConfig(
  path: string | undefined,
  overrides: readonly string[],
  knownKeys: ReadonlySet<string>,
): Promise<ConfigValues> {
  const tree = path === undefined ? {} : await readTree(path);
  for (const override of overrides) applyOverride(tree, override);
  const paddle = readPaddleConfig(tree);
  const values: Record<string, unknown> = { ...paddle.values };
  const warnings = [...paddle.warnings];
  for (const [key, value] of Object.entries(tree)) {
    if (paddleSections.has(key)) continue;
    const option = toCamelCase(key);
    if (knownKeys.has(option)) values[option] = value;
    else warnings.push(`${key} is not an option and has no effect`);
  }
  return { tree, values, warnings };
}
