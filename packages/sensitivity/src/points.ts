import type { ChannelGroup } from "@ocrslim/graph";
import { SensitivityError } from "./errors.ts";

/** One thing to measure: a group, cut at a ratio. */
export interface PointSpec {
  readonly group: string;
  readonly width: number;
  /** Fraction of the channels to remove, as asked for. */
  readonly ratio: number;
  /** Channels to remove, 0 to width − 1. */
  readonly removed: number;
}

/**
 * Lists what a sweep measures, group by group, ratios ascending. Blocked groups and those of one
 * channel have no points. Pure: parts of the list can be measured anywhere, in any order.
 * @throws SensitivityError `invalid-option` for ratios outside (0, 1] or given twice.
 */
export function listPoints(
  groups: readonly ChannelGroup[],
  ratios: readonly number[],
  channelMultiple = 1,
): readonly PointSpec[] {
  assertRatios(ratios);
  if (!Number.isSafeInteger(channelMultiple) || channelMultiple < 1) {
    throw new SensitivityError(
      "invalid-option",
      `listPoints: channelMultiple is ${channelMultiple}; give a positive integer`,
    );
  }
  const ascending = ratios.toSorted((a, b) => a - b);
  return groups.flatMap(({ id, width, blocked }) =>
    blocked !== undefined || width < 2
      ? []
      : ascending.map((ratio) => ({
          group: id,
          width,
          ratio,
          removed: countRemoved(width, ratio, channelMultiple),
        })),
  );
}

function assertRatios(ratios: readonly number[]): void {
  const bad = ratios.find((ratio) => !(ratio > 0 && ratio <= 1));
  if (bad !== undefined) {
    throw new SensitivityError(
      "invalid-option",
      `listPoints: ratio ${bad} is not a fraction of channels to remove; give numbers above 0, at most 1`,
    );
  }
  if (ratios.length === 0 || new Set(ratios).size < ratios.length) {
    throw new SensitivityError(
      "invalid-option",
      `listPoints: ratios are [${ratios.join(", ")}]; give at least one, each once`,
    );
  }
}

/**
 * Channels that a ratio removes: min(width − 1, width · ratio rounded half to even), as PaddleSlim
 * counts. With a multiple above 1, what is kept is then rounded to the nearest multiple, at least
 * one and at most the whole width.
 */
export function countRemoved(width: number, ratio: number, channelMultiple = 1): number {
  const removed = Math.min(width - 1, roundHalfToEven(width * ratio));
  if (channelMultiple === 1) return removed;
  const multiples = Math.max(1, Math.round((width - removed) / channelMultiple));
  return width - Math.min(width, multiples * channelMultiple);
}

/** Rounds as Python's `round` does: 0.5 → 0, 1.5 → 2, 2.5 → 2. */
function roundHalfToEven(number: number): number {
  const floor = Math.floor(number);
  const fraction = number - floor;
  if (fraction !== 0.5) return Math.round(number);
  return floor % 2 === 0 ? floor : floor + 1;
}
