import { CliError } from "../cli-error.ts";

/** Options that exclude each other: at most one of each list may be given. */
const exclusive: readonly (readonly string[])[] = [
  ["imageShape", "resizeLong", "limitSideLen"],
  ["imageShape", "resizeLong", "limitType"],
  ["macs", "parameters", "latency"],
];

function toFlag(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Puts flags over the values of a config. A flag also displaces what it contradicts in the config:
 * `--limit-side-len` an `image_shape` that stands there.
 * @throws CliError `conflicting-options` if two flags, or two values of the config, contradict.
 */
export function mergeOptions(
  config: Readonly<Record<string, unknown>>,
  flags: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...config };
  for (const keys of exclusive) {
    const given = keys.filter((key) => flags[key] !== undefined);
    if (given.length > 1) {
      throw new CliError(
        "conflicting-options",
        `${given.map(toFlag).join(" and ")} contradict each other; give one of them`,
      );
    }
    if (given.length === 1) for (const key of keys) delete merged[key];
  }
  for (const [key, value] of Object.entries(flags)) if (value !== undefined) merged[key] = value;
  for (const keys of exclusive) {
    const given = keys.filter((key) => merged[key] !== undefined && merged[key] !== null);
    if (given.length > 1) {
      throw new CliError(
        "conflicting-options",
        `${given.map(toFlag).join(" and ")} contradict each other in the config; keep one of them`,
      );
    }
  }
  return merged;
}
