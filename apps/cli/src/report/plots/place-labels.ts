/** A place in pixels. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** A label that is wanted at one of several places, best first. */
export interface WantedLabel {
  readonly text: string;
  readonly places: readonly Place[];
  /** Whether it would rather cross a line than be left out. Default: false. */
  readonly isImportant?: boolean;
}

export type LabelSide = "right" | "top" | "bottom" | "left";

/** Where a label goes: which of its places, on which side of it, and the box that it takes. */
export interface PlacedLabel extends Box {
  readonly place: number;
  readonly side: LabelSide;
}

/** A box in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** How {@link placeLabels} places. */
export interface PlaceLabelsOptions {
  /** Labels stay within. */
  readonly area: Box;
  readonly fontSize: number;
  /** Between a place and its label. */
  readonly gap: number;
  /** Lines that labels keep off, as their corners. */
  readonly lines: readonly (readonly Place[])[];
}

const SIDES: readonly LabelSide[] = ["right", "top", "bottom", "left"];

/** Width of a letter in a sans-serif font, as part of the font size: rather too wide. */
const LETTER = 0.6;

/** How close a label may come to another label or to a line. */
const MARGIN = 2;

/**
 * Places labels, first come, first served. A label that has no place where no other label lies and no
 * line crosses it is left out; important ones then take a place on a line. One entry for each label.
 */
export function placeLabels(
  labels: readonly WantedLabel[],
  { area, fontSize, gap, lines }: PlaceLabelsOptions,
): readonly (PlacedLabel | undefined)[] {
  const taken: Box[] = [];
  const isFree = (box: Box, mayCross: boolean): boolean =>
    contains(area, box) &&
    !taken.some((other) => overlaps(other, box)) &&
    (mayCross || !lines.some((line) => crosses(line, box)));
  const find = ({ text, places }: WantedLabel, mayCross: boolean): PlacedLabel | undefined => {
    const size = { width: text.length * fontSize * LETTER, height: fontSize * 1.2 };
    for (const [index, place] of places.entries()) {
      for (const side of SIDES) {
        const box = { ...cornerOf(place, side, size, gap), ...size };
        if (isFree(box, mayCross)) return { ...box, place: index, side };
      }
    }
    return undefined;
  };
  return labels.map((label) => {
    const found = find(label, false) ?? (label.isImportant ? find(label, true) : undefined);
    if (found) taken.push(found);
    return found;
  });
}

function cornerOf(
  { x, y }: Place,
  side: LabelSide,
  { width, height }: Pick<Box, "width" | "height">,
  gap: number,
): Pick<Box, "left" | "top"> {
  switch (side) {
    case "right":
      return { left: x + gap, top: y - height / 2 };
    case "left":
      return { left: x - gap - width, top: y - height / 2 };
    case "top":
      return { left: x - width / 2, top: y - gap - height };
    case "bottom":
      return { left: x - width / 2, top: y + gap };
  }
}

const overlaps = (a: Box, b: Box): boolean =>
  a.left < b.left + b.width + MARGIN &&
  b.left < a.left + a.width + MARGIN &&
  a.top < b.top + b.height + MARGIN &&
  b.top < a.top + a.height + MARGIN;

const contains = (outer: Box, inner: Box): boolean =>
  inner.left >= outer.left &&
  inner.top >= outer.top &&
  inner.left + inner.width <= outer.left + outer.width &&
  inner.top + inner.height <= outer.top + outer.height;

function crosses(line: readonly Place[], box: Box): boolean {
  const [only] = line;
  if (only && line.length === 1) return crossesSegment(only, only, box);
  return line.some((end, index) => {
    const start = line[index - 1];
    return start !== undefined && crossesSegment(start, end, box);
  });
}

/** Whether a segment enters a box and its margin (Liang and Barsky 1984). */
function crossesSegment(start: Place, end: Place, box: Box): boolean {
  let [enter, leave] = [0, 1];
  const clip = (from: number, delta: number, low: number, high: number): boolean => {
    if (delta === 0) return from >= low && from <= high;
    const [a, b] = [(low - from) / delta, (high - from) / delta];
    enter = Math.max(enter, Math.min(a, b));
    leave = Math.min(leave, Math.max(a, b));
    return enter <= leave;
  };
  return (
    clip(start.x, end.x - start.x, box.left - MARGIN, box.left + box.width + MARGIN) &&
    clip(start.y, end.y - start.y, box.top - MARGIN, box.top + box.height + MARGIN)
  );
}
