import type { Schedule } from "./schedule.ts";
import { type DecayOptions, decaying } from "./warm-up.ts";

/**
 * Half a cosine from `learningRate` down to `final` (Loshchilov and Hutter 2017, equation 5, without
 * restarts). PaddleOCR's Cosine: `{ learningRate, warmUp, length: { fraction: 1 } }`.
 * @throws TrainError `invalid-option` if a number is out of range.
 */
export function cosineRate(options: DecayOptions): Schedule {
  return decaying("cosineRate", options, (progress) => (1 + Math.cos(Math.PI * progress)) / 2);
}
