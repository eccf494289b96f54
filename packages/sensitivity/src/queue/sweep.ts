import { createHash } from "node:crypto";
import type { PointSpec } from "../points.ts";
import type { ReportHead } from "../report.ts";

/** What JSON can hold. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** What a worker gets to know of a sweep. */
export interface SweepDescription {
  /** What is measured, as it stands in the sensitivity file. */
  readonly head: ReportHead;
  /** What a worker makes its measurer of: where model and data are found, and all settings. */
  readonly job: JsonValue;
}

/** Points to be measured by workers. */
export interface Sweep extends SweepDescription {
  readonly points: readonly PointSpec[];
}

/** Names a sweep: equal descriptions have equal names. 32 hexadecimal digits. */
export function sweepIdOf({ head, job }: SweepDescription): string {
  return digest(["sweep", head, job]);
}

/**
 * Names what a point measures: the model, the data, the settings, the group, and how many of its
 * channels go. Points of one group that remove equally many channels are the same.
 */
export function pointIdOf(head: ReportHead, { group, removed }: PointSpec): string {
  return digest(["point", head, group, removed]);
}

/** Names a run of points that one worker measures. */
export function jobIdOf(head: ReportHead, points: readonly PointSpec[]): string {
  return `points-${digest(points.map((point) => pointIdOf(head, point)))}`;
}

function digest(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(canonical(value)))
    .digest("hex")
    .slice(0, 32);
}

/** The value with the keys of all objects in order. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, canonical(item)]);
}
