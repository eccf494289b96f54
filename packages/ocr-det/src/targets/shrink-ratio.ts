import { OcrDetError } from "../errors.ts";

/**
 * Returns the shrink ratio of an epoch: it grows from `start` by 0.2 over the training (PP-OCRv4's
 * dynamic shrink ratio), `start + 0.2 · epoch / epochs`. `epoch` is 0 to `epochs`; `start` defaults
 * to 0.4.
 *
 * @throws OcrDetError `invalid-option` if a number is out of range.
 */
export function shrinkRatioAt(epoch: number, epochs: number, start = 0.4): number {
  if (!(epochs > 0 && epoch >= 0 && epoch <= epochs)) {
    throw new OcrDetError(
      "invalid-option",
      `shrinkRatioAt: epoch is ${epoch} of ${epochs}; give an epoch from 0 to the number of epochs, and 1 epoch or more`,
    );
  }
  const ratio = start + (0.2 * epoch) / epochs;
  if (!(start > 0 && ratio < 1)) {
    throw new OcrDetError(
      "invalid-option",
      `shrinkRatioAt: start is ${start}; give a number above 0 and below 0.8`,
    );
  }
  return ratio;
}
