import type { Point } from "../data/region.ts";

/** A triangle and the sign with which it counts. */
type Triangle = readonly [Point, Point, Point];

/** Returns the area of a simple polygon, 0 or more. */
export function computePolygonArea(points: readonly Point[]): number {
  return Math.abs(computeSignedArea(points));
}

/** Returns the length of a polygon's outline, closed. */
export function computePerimeter(points: readonly Point[]): number {
  return points.reduce((sum, [x, y], index) => {
    const [nextX, nextY] = cyclic(points, index + 1);
    return sum + Math.sqrt((nextX - x) ** 2 + (nextY - y) ** 2);
  }, 0);
}

/**
 * Whether a polygon is valid in the sense of the OGC's simple features (what Shapely's `is_valid`
 * says): finite, of positive area, its outline neither crossing nor touching itself. Repeated
 * neighbouring points are allowed.
 */
export function isSimplePolygon(points: readonly Point[]): boolean {
  if (!points.every(([x, y]) => Number.isFinite(x) && Number.isFinite(y))) return false;
  const ring = points.filter((point, index) => !isSame(point, cyclic(points, index + 1)));
  if (ring.length < 3 || computeSignedArea(ring) === 0) return false;
  for (let first = 0; first < ring.length; first += 1) {
    const a = cyclic(ring, first);
    const b = cyclic(ring, first + 1);
    // The neighbouring edge may share the corner but must not run back.
    const c = cyclic(ring, first + 2);
    if (cross(a, b, c) === 0 && dot(b, a, c) > 0) return false;
    for (let second = first + 2; second < ring.length; second += 1) {
      if (first === 0 && second === ring.length - 1) continue;
      if (touch(a, b, cyclic(ring, second), cyclic(ring, second + 1))) return false;
    }
  }
  return true;
}

/**
 * Returns the area that two simple polygons, convex or not, have in common, in double precision.
 *
 * A polygon is the signed sum of the triangles that its edges form with its first corner, so the
 * common area is the signed sum of the common areas of all pairs of triangles: exact, with no case
 * to fail on.
 */
export function computeIntersectionArea(a: readonly Point[], b: readonly Point[]): number {
  if (!boundsOverlap(a, b)) return 0;
  const otherTriangles = listTriangles(b);
  let sum = 0;
  for (const [sign, triangle] of listTriangles(a)) {
    for (const [otherSign, other] of otherTriangles) {
      sum += sign * otherSign * Math.abs(computeSignedArea(clipByTriangle(triangle, other)));
    }
  }
  return Math.max(sum, 0);
}

/** Returns intersection over union of two simple polygons, 0–1; 0 if both have no area. */
export function computePolygonIou(a: readonly Point[], b: readonly Point[]): number {
  const intersection = computeIntersectionArea(a, b);
  const union = computePolygonArea(a) + computePolygonArea(b) - intersection;
  return union > 0 ? intersection / union : 0;
}

/** Positive if the corners go clockwise on the screen (y downwards). Relative to the first corner. */
function computeSignedArea(points: readonly Point[]): number {
  const origin = points[0];
  if (!origin) return 0;
  let doubled = 0;
  for (let index = 1; index + 1 < points.length; index += 1) {
    doubled += cross(origin, cyclic(points, index), cyclic(points, index + 1));
  }
  return doubled / 2;
}

function listTriangles(points: readonly Point[]): (readonly [number, Triangle])[] {
  const triangles: (readonly [number, Triangle])[] = [];
  const origin = cyclic(points, 0);
  const turn = Math.sign(computeSignedArea(points));
  for (let index = 1; index + 1 < points.length; index += 1) {
    const second = cyclic(points, index);
    const third = cyclic(points, index + 1);
    const doubled = cross(origin, second, third);
    if (doubled > 0) triangles.push([turn, [origin, second, third]]);
    if (doubled < 0) triangles.push([-turn, [origin, third, second]]);
  }
  return triangles;
}

/** Sutherland–Hodgman: the part of a triangle within another, both turning positively. */
function clipByTriangle(subject: Triangle, clip: Triangle): readonly Point[] {
  let ring: readonly Point[] = subject;
  for (let edge = 0; edge < 3; edge += 1) {
    const from = cyclic(clip, edge);
    const to = cyclic(clip, edge + 1);
    const kept: Point[] = [];
    for (let index = 0; index < ring.length; index += 1) {
      const start = cyclic(ring, index);
      const end = cyclic(ring, index + 1);
      const startSide = cross(from, to, start);
      const endSide = cross(from, to, end);
      if (startSide >= 0) kept.push(start);
      if (startSide * endSide < 0) {
        const part = startSide / (startSide - endSide);
        kept.push([start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part]);
      }
    }
    ring = kept;
    if (ring.length === 0) break;
  }
  return ring;
}

function boundsOverlap(a: readonly Point[], b: readonly Point[]): boolean {
  for (const axis of [0, 1] as const) {
    const first = a.map((point) => point[axis]);
    const second = b.map((point) => point[axis]);
    if (Math.max(...first) <= Math.min(...second)) return false;
    if (Math.max(...second) <= Math.min(...first)) return false;
  }
  return true;
}

/** Whether the segments a–b and c–d have a point in common. */
function touch(a: Point, b: Point, c: Point, d: Point): boolean {
  const c1 = Math.sign(cross(a, b, c));
  const c2 = Math.sign(cross(a, b, d));
  const c3 = Math.sign(cross(c, d, a));
  const c4 = Math.sign(cross(c, d, b));
  if (c1 * c2 < 0 && c3 * c4 < 0) return true;
  return (
    (c1 === 0 && isBetween(a, b, c)) ||
    (c2 === 0 && isBetween(a, b, d)) ||
    (c3 === 0 && isBetween(c, d, a)) ||
    (c4 === 0 && isBetween(c, d, b))
  );
}

const isBetween = (a: Point, b: Point, point: Point): boolean =>
  Math.min(a[0], b[0]) <= point[0] &&
  point[0] <= Math.max(a[0], b[0]) &&
  Math.min(a[1], b[1]) <= point[1] &&
  point[1] <= Math.max(a[1], b[1]);

/** Twice the signed area of the triangle o–a–b. */
const cross = (o: Point, a: Point, b: Point): number =>
  (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);

const dot = (o: Point, a: Point, b: Point): number =>
  (a[0] - o[0]) * (b[0] - o[0]) + (a[1] - o[1]) * (b[1] - o[1]);

const isSame = (a: Point, b: Point): boolean => a[0] === b[0] && a[1] === b[1];

const cyclic = (ring: readonly Point[], index: number): Point =>
  ring[index % ring.length] ?? [0, 0];
