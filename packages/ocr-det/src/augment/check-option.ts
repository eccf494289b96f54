import { OcrDetError } from "../errors.ts";

/** @throws OcrDetError `invalid-option` with `problem` unless `holds`. @internal */
export function assertOption(holds: boolean, problem: string): void {
  if (!holds) throw new OcrDetError("invalid-option", problem);
}

/** @throws OcrDetError `invalid-option` unless `size` is [width, height], integers of 1 or more. @internal */
export function assertSize(where: string, size: readonly [number, number]): void {
  const [width, height] = size;
  assertOption(
    Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0,
    `${where}: size is ${width} × ${height}; give integers of 1 or more`,
  );
}

/** @throws OcrDetError `invalid-option` unless low ≤ high, both at least `least`. @internal */
export function assertRange(
  where: string,
  [low, high]: readonly [number, number],
  least: number,
): void {
  assertOption(
    low >= least && low <= high && Number.isFinite(high),
    `${where}: the range is ${low} to ${high}; give two numbers in order, ${
      Number.isFinite(least) ? `${least} or more` : "finite"
    }`,
  );
}
