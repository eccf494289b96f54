import { requireNumber } from "./require-number.ts";
import type { Schedule } from "./schedule.ts";

/** A number of updates, or a fraction (0–1) of all updates of the training, rounded. */
export type Span = number | { readonly fraction: number };

/** What all schedules have. */
export interface ScheduleOptions {
  /** Learning rate after the warm-up, above 0. */
  readonly learningRate: number;
  /** How long the rate rises in a straight line from `warmUpFrom` to `learningRate`. Default: 0. */
  readonly warmUp?: Span;
  /** Learning rate of the first update of a warm-up, 0 or more. Default: 0, as in PaddleOCR. */
  readonly warmUpFrom?: number;
}

/** A length of decay, for schedules that end somewhere. */
export interface DecayOptions extends ScheduleOptions {
  /** Learning rate at the end, 0 or more. Default: 0. */
  readonly final?: number;
  /**
   * Updates from the end of the warm-up until `final` is reached; it stays there. Default: all that
   * are left. PaddleOCR counts the warm-up in, so its schedules stop short: `{ fraction: 1 }`.
   */
  readonly length?: Span;
}

/** Learning rate of update `update` from the end of the warm-up. `total`: of the whole training. */
type Rate = (update: number, total: number, warmUp: number) => number;

/** Puts the warm-up before a schedule. @throws TrainError `invalid-option`. @internal */
export function withWarmUp(where: string, options: ScheduleOptions, rate: Rate): Schedule {
  const { learningRate, warmUp = 0, warmUpFrom = 0 } = options;
  requireNumber(where, "learningRate", learningRate, { moreThan: 0 });
  requireNumber(where, "warmUpFrom", warmUpFrom, { atLeast: 0 });
  requireSpan(where, "warmUp", warmUp, 0);
  return (update, total) => {
    const rise = countUpdates(warmUp, total);
    if (update >= rise) return rate(update - rise, total, rise);
    return warmUpFrom + (learningRate - warmUpFrom) * (update / rise);
  };
}

/** A decay from `learningRate` to `final`; `progress` gives 1 at 0 and 0 at 1. @internal */
export function decaying(
  where: string,
  options: DecayOptions,
  remaining: (progress: number) => number,
): Schedule {
  const { learningRate, final = 0, length } = options;
  requireNumber(where, "final", final, { atLeast: 0 });
  if (length !== undefined) requireSpan(where, "length", length, 1);
  return withWarmUp(where, options, (update, total, warmUp) => {
    const span = length === undefined ? total - warmUp : countUpdates(length, total);
    const progress = Math.min(update / Math.max(span, 1), 1);
    return final + (learningRate - final) * remaining(progress);
  });
}

/** @throws TrainError `invalid-option`. @internal */
export function requireSpan(where: string, name: string, span: Span, least: 0 | 1): void {
  if (typeof span === "number") {
    requireNumber(where, name, span, { atLeast: least });
    return;
  }
  const range = least === 0 ? { atLeast: 0, atMost: 1 } : { moreThan: 0, atMost: 1 };
  requireNumber(where, `${name}.fraction`, span.fraction, range);
}

/** @internal */
export function countUpdates(span: Span, total: number): number {
  return typeof span === "number" ? span : Math.round(span.fraction * total);
}
