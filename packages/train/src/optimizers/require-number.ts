import { TrainError } from "../errors.ts";

/** Ends of the numbers that an option may have; none: any finite number. */
export interface NumberRange {
  readonly atLeast?: number;
  readonly moreThan?: number;
  readonly atMost?: number;
  readonly lessThan?: number;
}

/** @throws TrainError `invalid-option` unless the value is a finite number in the range. @internal */
export function requireNumber(
  where: string,
  name: string,
  value: number,
  range: NumberRange = {},
): void {
  const {
    atLeast = Number.NEGATIVE_INFINITY,
    moreThan = Number.NEGATIVE_INFINITY,
    atMost = Number.POSITIVE_INFINITY,
    lessThan = Number.POSITIVE_INFINITY,
  } = range;
  const isInside = value >= atLeast && value > moreThan && value <= atMost && value < lessThan;
  if (Number.isFinite(value) && isInside) return;
  const ends = [
    range.atLeast === undefined ? [] : [`at least ${atLeast}`],
    range.moreThan === undefined ? [] : [`more than ${moreThan}`],
    range.atMost === undefined ? [] : [`at most ${atMost}`],
    range.lessThan === undefined ? [] : [`less than ${lessThan}`],
  ].flat();
  const wanted = ends.length === 0 ? "" : ` that is ${ends.join(" and ")}`;
  throw new TrainError(
    "invalid-option",
    `${where}: ${name} is ${value}; give a finite number${wanted}`,
  );
}
