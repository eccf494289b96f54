import { TrainError } from "../errors.ts";
import { requireNumber } from "./require-number.ts";
import type { Schedule } from "./schedule.ts";
import {
  countUpdates,
  requireSpan,
  type ScheduleOptions,
  type Span,
  withWarmUp,
} from "./warm-up.ts";

/** Options of {@link piecewiseRate}. */
export interface PiecewiseRateOptions extends ScheduleOptions {
  /**
   * Where another learning rate (0 or more) starts, counted from the end of the warm-up, and which;
   * in ascending order. Before the first it is `learningRate`.
   */
  readonly pieces: readonly (readonly [from: Span, learningRate: number])[];
}

/**
 * One learning rate after another. PaddleOCR's Piecewise and MultiStepDecay: `learningRate` is the
 * first of its values, `pieces` are the others.
 * @throws TrainError `invalid-option` if a number is out of range or the order is not ascending.
 */
export function piecewiseRate(options: PiecewiseRateOptions): Schedule {
  const { learningRate, pieces } = options;
  pieces.forEach(([from, rate], index) => {
    requireSpan("piecewiseRate", `pieces[${index}][0]`, from, 0);
    requireNumber("piecewiseRate", `pieces[${index}][1]`, rate, { atLeast: 0 });
    const before = pieces[index - 1]?.[0];
    if (before === undefined || isAscending(before, from)) return;
    throw new TrainError(
      "invalid-option",
      `piecewiseRate: pieces[${index}] starts at ${describe(from)}, not after the piece before it, at ${describe(before)}; put them in ascending order`,
    );
  });
  return withWarmUp("piecewiseRate", options, (update, total) => {
    const reached = pieces.filter(([from]) => update >= countUpdates(from, total));
    return reached.at(-1)?.[1] ?? learningRate;
  });
}

/** A number of updates and a fraction cannot be compared before the total is known. */
function isAscending(left: Span, right: Span): boolean {
  if (typeof left === "number" && typeof right === "number") return left < right;
  if (typeof left === "number" || typeof right === "number") return true;
  return left.fraction < right.fraction;
}

const describe = (span: Span): string =>
  typeof span === "number" ? `${span} updates` : `${span.fraction} of the training`;
