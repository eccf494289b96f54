import { OcrDetError, type OcrDetErrorDetails } from "../errors.ts";

/** A file that holds no weights, or is broken, or wants to run code. */
export function invalidWeights(message: string, details?: OcrDetErrorDetails): OcrDetError {
  return new OcrDetError("invalid-weights", message, details);
}

/** Weights and a model that do not belong together. */
export function mismatchedWeights(message: string): OcrDetError {
  return new OcrDetError("mismatched-weights", message);
}
