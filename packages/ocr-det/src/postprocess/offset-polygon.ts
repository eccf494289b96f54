import { Clipper64, ClipType, FillRule, type Paths64, PathType } from "clipper2-ts";
import type { Point } from "../data/region.ts";

/*
 * PaddleOCR grows outlines with pyclipper, that is Clipper 6.4.2. Clipper 2 lays other points on
 * the round corners, which moves some boxes by a pixel, so the offset itself follows Clipper 6
 * (JT_ROUND, ET_CLOSEDPOLYGON, arc tolerance 0.25, integer coordinates). Clipper 2 then does the
 * clean-up of self-intersections, where both give the same area. A convex outline has none, and
 * only its hull is needed, so boxes skip the clean-up.
 */

const ARC_TOLERANCE = 0.25;

const UNION_SCALE = 1024;

/**
 * Returns the outlines that result when a simple polygon grows by `distance` (0 or more, pixels)
 * with round corners. Coordinates are cut to integers first, as pyclipper does. Empty if fewer than
 * three distinct points remain; several if holes or parts come about.
 */
export function offsetPolygon(points: readonly Point[], distance: number): Point[][] {
  const raw = offsetOutline(points, distance);
  if (raw.length < 3) return [];
  const cleaned: Paths64 = [];
  const clipper = new Clipper64();
  clipper.preserveCollinear = false;
  clipper.addPath(
    raw.map(([x, y]) => ({ x: x * UNION_SCALE, y: y * UNION_SCALE })),
    PathType.Subject,
  );
  clipper.execute(ClipType.Union, FillRule.Positive, cleaned);
  return cleaned
    .map((path) =>
      dropRedundant(path.map(({ x, y }) => [round(x / UNION_SCALE), round(y / UNION_SCALE)])),
    )
    .filter((ring) => ring.length >= 3);
}

/** Removes repeated points and those on a straight line between their neighbours, till none is left. */
function dropRedundant(ring: readonly Point[]): Point[] {
  const kept = ring.filter((point, index) => {
    const before = at(ring, index + ring.length - 1);
    const after = at(ring, index + 1);
    const cross =
      (point[0] - before[0]) * (after[1] - point[1]) -
      (point[1] - before[1]) * (after[0] - point[0]);
    return cross !== 0;
  });
  return kept.length === ring.length || kept.length < 3 ? kept : dropRedundant(kept);
}

/** {@link offsetPolygon} without the clean-up: one outline, right for convex polygons. */
export function offsetOutline(points: readonly Point[], distance: number): Point[] {
  const source = toIntegerRing(points);
  if (source.length < 3) return [];
  if (distance < 1e-20) return source;
  const normals = source.map((point, index) => unitNormal(point, at(source, index + 1)));
  const arc = Math.min(ARC_TOLERANCE, distance * 0.25);
  const steps = Math.min(Math.PI / Math.acos(1 - arc / distance), distance * Math.PI);
  const corner = {
    distance,
    sin: Math.sin((2 * Math.PI) / steps),
    cos: Math.cos((2 * Math.PI) / steps),
    stepsPerRadian: steps / (2 * Math.PI),
  };
  const result: Point[] = [];
  let before = source.length - 1;
  for (let index = 0; index < source.length; index += 1) {
    const straight = offsetCorner(
      at(source, index),
      at(normals, before),
      at(normals, index),
      corner,
      result,
    );
    if (!straight) before = index;
  }
  return result;
}

interface Corner {
  readonly distance: number;
  readonly sin: number;
  readonly cos: number;
  readonly stepsPerRadian: number;
}

/** Adds the points for one corner; true if the outline goes straight on there. */
function offsetCorner(point: Point, from: Point, to: Point, corner: Corner, out: Point[]): boolean {
  const { distance } = corner;
  const cross = from[0] * to[1] - to[0] * from[1];
  const dot = from[0] * to[0] + from[1] * to[1];
  if (Math.abs(cross * distance) < 1 && dot > 0) {
    out.push(shift(point, from[0], from[1], distance));
    return true;
  }
  const sine = Math.abs(cross * distance) < 1 ? cross : Math.min(1, Math.max(-1, cross));
  if (sine * distance < 0) {
    out.push(shift(point, from[0], from[1], distance), point, shift(point, to[0], to[1], distance));
    return false;
  }
  const angle = Math.atan2(sine, dot);
  const steps = Math.max(round(corner.stepsPerRadian * Math.abs(angle)), 1);
  let [x, y] = from;
  for (let step = 0; step < steps; step += 1) {
    out.push(shift(point, x, y, distance));
    [x, y] = [x * corner.cos - corner.sin * y, x * corner.sin + y * corner.cos];
  }
  out.push(shift(point, to[0], to[1], distance));
  return false;
}

/** Integer coordinates, no repeated points, positive area. */
function toIntegerRing(points: readonly Point[]): Point[] {
  const ring: Point[] = [];
  for (const [x, y] of points) {
    const point: Point = [Math.trunc(x), Math.trunc(y)];
    if (!isSame(ring.at(-1), point)) ring.push(point);
  }
  while (ring.length > 1 && isSame(ring[0], at(ring, ring.length - 1))) ring.pop();
  let doubled = 0;
  ring.forEach((point, index) => {
    const next = at(ring, index + 1);
    doubled += point[0] * next[1] - next[0] * point[1];
  });
  return doubled < 0 ? ring.reverse() : ring;
}

const isSame = (a: Point | undefined, b: Point): boolean => a?.[0] === b[0] && a[1] === b[1];

const at = (ring: readonly Point[], index: number): Point => ring[index % ring.length] ?? [0, 0];

function unitNormal(from: Point, to: Point): Point {
  const dx = to[0] - from[0];
  const dy = to[1] - from[1];
  const factor = 1 / Math.sqrt(dx * dx + dy * dy);
  return [dy * factor, -(dx * factor)];
}

const shift = (point: Point, x: number, y: number, distance: number): Point => [
  round(point[0] + x * distance),
  round(point[1] + y * distance),
];

const round = (value: number): number => Math.trunc(value < 0 ? value - 0.5 : value + 0.5);
