import type { LossCurve, LossPoint, SkippedGroup } from "@ocrslim/graph";

/** What a loss is divided by; see {@link computeLoss}. */
export type LossReference = "baseline" | "baseline+0.001";

/** One measured point, and how many channels it removed. */
export interface SensitivityPoint extends LossPoint {
  readonly metric: number;
  readonly images: number;
  /** Channels removed: what `ratio` came to for this group's width. */
  readonly removed: number;
  /** Confidence interval of the loss, where one was computed. */
  readonly interval?: readonly [low: number, high: number];
  /** Whether it was decided before the last image. */
  readonly isDecidedEarly?: boolean;
}

/** A point that could not be measured. */
export interface FailedPoint {
  readonly group: string;
  readonly ratio: number;
  readonly removed: number;
  readonly reason: string;
}

/** The curve of one group, points by ascending ratio. */
export interface SensitivityCurve extends LossCurve {
  readonly points: readonly SensitivityPoint[];
}

/** What a sensitivity file holds: how much the metric falls when each group is cut. */
export interface SensitivityReport {
  readonly formatVersion: 1;
  /** Name of the metric, such as `hmean`, where the caller gave one. */
  readonly metric?: string;
  /** The unpruned model's metric. */
  readonly baseline: number;
  /** Images that the baseline was measured on. */
  readonly images: number;
  /** SHA-256 of the model, hexadecimal; see {@link hashModel}. */
  readonly modelHash: string;
  /** Name of the criterion. */
  readonly criterion: string;
  /** What identifies the images, where the caller gave it. */
  readonly dataFingerprint?: string;
  /** Input shapes at which the groups were found, by input name. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** What the losses are divided by. */
  readonly relativeTo: LossReference;
  /** Kept widths were rounded to multiples of this; 1 if they were not. */
  readonly channelMultiple: number;
  readonly curves: readonly SensitivityCurve[];
  /** Groups that were not measured, and why. */
  readonly skipped: readonly SkippedGroup[];
  /** Points that could not be measured; absent if there are none. A later run tries them again. */
  readonly failed?: readonly FailedPoint[];
}

/** What two reports must agree in to belong together. */
export type ReportHead = Omit<
  SensitivityReport,
  "baseline" | "images" | "curves" | "skipped" | "failed"
>;

const DIFFERENCES: readonly (readonly [keyof ReportHead, string])[] = [
  ["modelHash", "model"],
  ["dataFingerprint", "data"],
  ["criterion", "criterion"],
  ["metric", "metric"],
  ["inputShapes", "input shapes"],
  ["relativeTo", "loss reference"],
  ["channelMultiple", "channel multiple"],
];

/** @internal The first thing in which two reports differ, for a message; `undefined` if none. */
export function findDifference(a: ReportHead, b: ReportHead): string | undefined {
  for (const [key, label] of DIFFERENCES) {
    const [left, right] = [canonical(a[key]), canonical(b[key])];
    if (left !== right) return `another ${label}: ${left}, not ${right}`;
  }
  return undefined;
}

function canonical(value: ReportHead[keyof ReportHead]): string {
  if (value === undefined) return "none";
  if (typeof value !== "object") return JSON.stringify(value);
  return JSON.stringify(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Relative loss of the metric, signed (negative = better): (baseline − metric) / baseline, as
 * PaddleSlim's static analysis has it, or with "baseline+0.001" divided by baseline + 10⁻³, as its
 * dygraph pruner does.
 */
export function computeLoss(
  baseline: number,
  metric: number,
  relativeTo: LossReference = "baseline",
): number {
  return (baseline - metric) / (relativeTo === "baseline" ? baseline : baseline + 1e-3);
}
