/** A slope found numerically, and how sure it is. */
export interface FiniteDifference {
  /** df/dt at 0: central differences of two steps, extrapolated (Richardson). */
  readonly slope: number;
  /**
   * How far the function is from smooth, in units of the slope: at a kink about the jump of the
   * slope, wherever within the step it lies; next to nothing otherwise.
   */
  readonly doubt: number;
}

/** The slope of `f` at 0 from steps of `step` and half of it; `center` is f(0). */
export function differentiate(
  f: (t: number) => number,
  center: number,
  step: number,
): FiniteDifference {
  const [up, down] = [f(step), f(-step)];
  const [halfUp, halfDown] = [f(step / 2), f(-step / 2)];
  const wide = (up - down) / (2 * step);
  const narrow = (halfUp - halfDown) / step;
  // Slopes to the right minus to the left: in proportion to the step where f is smooth, and the
  // jump of the slope at a kink in the very middle, which central differences do not see.
  const wideBend = (up + down - 2 * center) / step;
  const narrowBend = (2 * (halfUp + halfDown - 2 * center)) / step;
  return {
    slope: (4 * narrow - wide) / 3,
    doubt: Math.max(Math.abs(wide - narrow), Math.abs(2 * narrowBend - wideBend)),
  };
}
