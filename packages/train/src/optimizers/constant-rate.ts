import type { Schedule } from "./schedule.ts";
import { type ScheduleOptions, withWarmUp } from "./warm-up.ts";

/**
 * One learning rate for all updates after the warm-up.
 * @throws TrainError `invalid-option` if a number is out of range.
 */
export function constantRate(options: ScheduleOptions): Schedule {
  return withWarmUp("constantRate", options, () => options.learningRate);
}
