/** A pickle that is broken, or names what is not allowed. */
export class PickleError extends Error {
  override readonly name = "PickleError";
  /** Where in the file. */
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(
      `readPickle: at byte ${offset}: ${problem}; give a complete file from a source that you trust`,
    );
    this.offset = offset;
  }
}

/** The error for a pickle that is broken or not allowed; `offset` is that of the opcode. */
export const pickleError = (problem: string, offset: number): PickleError =>
  new PickleError(problem, offset);
