import { PruneError } from "../errors.ts";

/** @throws PruneError `invalid-option` unless `low ≤ value ≤ high` (NaN never is). */
export function assertBetween(
  source: string,
  option: string,
  value: number,
  low: number,
  high: number,
): void {
  if (typeof value === "number" && value >= low && value <= high) return;
  throw new PruneError(
    "invalid-option",
    `${source}: ${option} is ${String(value)}; give a number from ${low} to ${high}`,
  );
}

/** @throws PruneError `invalid-option` unless `value` is a positive integer. */
export function assertPositiveInteger(source: string, option: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new PruneError(
    "invalid-option",
    `${source}: ${option} is ${String(value)}; give an integer of 1 or more`,
  );
}
