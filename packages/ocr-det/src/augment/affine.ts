import type { Point } from "../data/region.ts";

/**
 * `x' = a · x + b · y + c, y' = d · x + e · y + f`, in pixels from the upper left corner of the
 * upper left pixel, whose centre is at (0.5, 0.5).
 */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

export const IDENTITY: Affine = [1, 0, 0, 0, 1, 0];

/** Returns the map that does `first`, then `second`. */
export function chain(first: Affine, second: Affine): Affine {
  const [a, b, c, d, e, f] = second;
  const [u, v, w, x, y, z] = first;
  return [
    a * u + b * x,
    a * v + b * y,
    a * w + b * z + c,
    d * u + e * x,
    d * v + e * y,
    d * w + e * z + f,
  ];
}

/** Returns the inverse of a map that has one. */
export function invert([a, b, c, d, e, f]: Affine): Affine {
  const determinant = a * e - b * d;
  const inverse = [e / determinant, -b / determinant, -d / determinant, a / determinant] as const;
  const [u, v, x, y] = inverse;
  return [u, v, -(u * c + v * f), x, y, -(x * c + y * f)];
}

/** Returns where a point goes. */
export const move = ([a, b, c, d, e, f]: Affine, [x, y]: Point): Point => [
  a * x + b * y + c,
  d * x + e * y + f,
];

/** Returns the turn by `degrees`, clockwise on the screen, about a point. */
export function turnAbout(degrees: number, [x, y]: Point): Affine {
  const angle = (degrees * Math.PI) / 180;
  const cosine = Math.cos(angle);
  const sine = Math.sin(angle);
  return [cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y];
}
