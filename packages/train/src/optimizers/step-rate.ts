import { requireNumber } from "./require-number.ts";
import type { Schedule } from "./schedule.ts";
import {
  countUpdates,
  requireSpan,
  type ScheduleOptions,
  type Span,
  withWarmUp,
} from "./warm-up.ts";

/** Options of {@link stepRate}. */
export interface StepRateOptions extends ScheduleOptions {
  /** Updates between two changes, counted from the end of the warm-up; 1 or more. */
  readonly every: Span;
  /** What the learning rate is multiplied with each time, above 0, at most 1. Default: 0.1. */
  readonly factor?: number;
}

/**
 * learningRate·factor^⌊update / every⌋.
 * @throws TrainError `invalid-option` if a number is out of range.
 */
export function stepRate(options: StepRateOptions): Schedule {
  const { learningRate, every, factor = 0.1 } = options;
  requireSpan("stepRate", "every", every, 1);
  requireNumber("stepRate", "factor", factor, { moreThan: 0, atMost: 1 });
  return withWarmUp("stepRate", options, (update, total) => {
    const length = Math.max(countUpdates(every, total), 1);
    return learningRate * factor ** Math.floor(update / length);
  });
}
