import { parse } from "yaml";
import { CliError } from "../cli-error.ts";

/** `Key.sub=value`: letters, digits and underscores, as PaddleOCR's keys are. */
const overridePattern = /^[A-Za-z_][\w-]*(\.[\w-]+)*=/;

/** Whether a value of `-o` is an override and not a path (`./a=b` is a path). */
export function isOverride(value: string): boolean {
  return overridePattern.test(value);
}

/**
 * PaddleOCR's users write several overrides after one `-o`; gives each an `-o` of its own.
 *
 * @example
 * ```ts
 * spreadOverrides(["-o", "Global.debug=true", "PostProcess.thresh=0.4"]);
 * // → ["-o", "Global.debug=true", "-o", "PostProcess.thresh=0.4"]
 * ```
 */
export function spreadOverrides(argv: readonly string[]): string[] {
  const spread: string[] = [];
  let following = false;
  for (const argument of argv) {
    if (argument === "-o") {
      following = true;
      spread.push(argument);
      continue;
    }
    if (following && isOverride(argument) && spread.at(-1) !== "-o") spread.push("-o");
    if (!isOverride(argument)) following = false;
    spread.push(argument);
  }
  return spread;
}

/** A parsed YAML mapping. */
export type ConfigTree = Record<string, unknown>;

export function isTree(value: unknown): value is ConfigTree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Keys that would reach an object's prototype. */
const unsafeKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** Puts `Key.sub=value` into a tree; the value is read as YAML, as PaddleOCR does. */
export function applyOverride(tree: ConfigTree, override: string): void {
  const split = override.indexOf("=");
  const keys = override.slice(0, split).split(".");
  let value: unknown;
  try {
    value = parse(override.slice(split + 1));
  } catch {
    value = override.slice(split + 1);
  }
  const last = keys.pop() ?? "";
  let branch = tree;
  for (const key of [...keys, last]) {
    if (unsafeKeys.has(key)) {
      throw new CliError("invalid-option", `-o ${override}: ${key} is not a key`);
    }
  }
  for (const key of keys) {
    const next = branch[key];
    if (next !== undefined && next !== null && !isTree(next)) {
      throw new CliError(
        "invalid-option",
        `-o ${override}: ${key} holds ${JSON.stringify(next)}, which has no keys of its own`,
      );
    }
    const child: ConfigTree = isTree(next) ? next : {};
    branch[key] = child;
    branch = child;
  }
  branch[last] = value;
}
