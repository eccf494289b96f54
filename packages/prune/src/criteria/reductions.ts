/**
 * Makes one score per channel out of one per channel and member. `parts` is never empty; its arrays
 * all have the group's width. Any function of this shape is a reduction.
 */
export type Reduction = (parts: readonly Float64Array[]) => Float64Array;

/** Adds the members' scores. */
export const sum: Reduction = (parts) => fold(parts, (a, b) => a + b);

/** Averages the members' scores. */
export const mean: Reduction = (parts) => sum(parts).map((value) => value / parts.length);

/** Takes the largest of the members' scores. */
export const max: Reduction = (parts) => fold(parts, Math.max);

/** Takes the first member's score, as PaddleSlim does with its "master" parameter. */
export const first: Reduction = (parts) => Float64Array.from(parts[0] ?? []);

/** Multiplies the members' scores: a channel that any member makes little of scores low. */
export const product: Reduction = (parts) => fold(parts, (a, b) => a * b);

function fold(
  parts: readonly Float64Array[],
  combine: (a: number, b: number) => number,
): Float64Array {
  const out = first(parts);
  for (const part of parts.slice(1)) {
    for (let channel = 0; channel < out.length; channel++) {
      out[channel] = combine(out[channel] ?? 0, part[channel] ?? 0);
    }
  }
  return out;
}
