import type { OcrDetError } from "../../errors.ts";
import { invalidWeights } from "../weights-error.ts";

/** The error for a pickle that is broken or not allowed; `offset` is that of the opcode. */
export function pickleError(problem: string, offset: number): OcrDetError {
  return invalidWeights(
    `readPickle: at byte ${offset}: ${problem}; give a complete file from a source that you trust`,
  );
}
