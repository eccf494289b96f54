/** What limits how narrow a group may become. */
export interface WidthRules {
  /** Kept widths are multiples of this, 1 or more. */
  readonly channelMultiple: number;
  /** At least this many channels stay, 1 or more. */
  readonly minimumWidth: number;
  /** At least this fraction (0–1) of the channels stays. */
  readonly minimumKept: number;
}

/** Rounds half to even, as Python's `round` and so PaddleSlim. */
export function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/**
 * Widths that a group of `width` channels may have, ascending, ending in `width` itself; only
 * `width` if it cannot be pruned.
 */
export function listWidths(width: number, rules: WidthRules): readonly number[] {
  const { channelMultiple } = rules;
  const smallest = Math.ceil(minimumOf(width, rules) / channelMultiple) * channelMultiple;
  const widths: number[] = [];
  for (let kept = smallest; kept < width; kept += channelMultiple) widths.push(kept);
  widths.push(width);
  return widths;
}

/**
 * The kept width nearest to `width − removed` that the rules allow; ties go to the even multiple.
 * With a multiple of 1, the number removed is rounded as PaddleSlim does. Where nothing is to be
 * removed, the width stays, multiple or not.
 */
export function roundWidth(width: number, removed: number, rules: WidthRules): number {
  if (removed <= 0) return width;
  const { channelMultiple } = rules;
  const wanted =
    channelMultiple === 1
      ? width - roundHalfToEven(removed)
      : roundHalfToEven((width - removed) / channelMultiple) * channelMultiple;
  const smallest = listWidths(width, rules)[0] ?? width;
  return Math.min(width, Math.max(smallest, wanted));
}

function minimumOf(width: number, { minimumWidth, minimumKept }: WidthRules): number {
  return Math.max(1, minimumWidth, Math.ceil(minimumKept * width - 1e-9));
}
