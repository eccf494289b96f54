import { requireNumber } from "./require-number.ts";
import type { Schedule } from "./schedule.ts";
import { type DecayOptions, decaying } from "./warm-up.ts";

/** Options of {@link polynomialRate}. */
export interface PolynomialRateOptions extends DecayOptions {
  /** Above 0; 1: a straight line. Default: 1. */
  readonly power?: number;
}

/**
 * (learningRate − final)·(1 − progress)^power + final. PaddleOCR's Linear and Polynomial:
 * `{ learningRate, power, final, warmUp, length: { fraction: 1 } }`; DBNet's "poly" has power 0.9.
 * @throws TrainError `invalid-option` if a number is out of range.
 */
export function polynomialRate(options: PolynomialRateOptions): Schedule {
  const { power = 1 } = options;
  requireNumber("polynomialRate", "power", power, { moreThan: 0 });
  return decaying("polynomialRate", options, (progress) => (1 - progress) ** power);
}
