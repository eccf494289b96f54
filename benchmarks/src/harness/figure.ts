/** Which side of its goal a figure is to lie on. */
export type Direction = "at-most" | "at-least";

/** What a figure measures, known before it is measured. */
export interface FigureSpec {
  /** Unique, as `read/det-read`. */
  readonly name: string;
  /** For people: what was measured, on what. */
  readonly label: string;
  /** Unit of value and goal; `""` for plain numbers, `×` for ratios. */
  readonly unit: string;
  readonly direction: Direction;
  /** Left out where there is nothing to reach, only something to know. */
  readonly goal?: number;
}

/** A measured figure. */
export interface Figure extends FigureSpec {
  readonly value: number;
  /** How many measurements, images or counted things the value stands on. */
  readonly samples: number;
  /** Absent without a goal. */
  readonly met?: boolean;
}

/** Joins what was measured with what it measures. */
export function toFigure(spec: FigureSpec, value: number, samples: number): Figure {
  const { goal } = spec;
  const met = spec.direction === "at-most" ? value <= (goal ?? 0) : value >= (goal ?? 0);
  return { ...spec, value, samples, ...(goal === undefined ? {} : { met }) };
}
