import { createRequire } from "node:module";

/*
 * Clipper 6.4.2 in JavaScript, with types for what is used of it. It has none of its own, and types
 * declared beside an `import` would have to travel with this package's own, hence `require`.
 *
 * It was translated from the C# version. That lacks one line of the C++ version, which pyclipper
 * wraps: a whole turn takes at most π · |delta| steps. So for offsets below 2 pixels it lays more
 * points on round corners, and other ones. `ClipperOffset` here has that limit.
 */

/** A point of a path. */
export interface ClipperPoint {
  X: number;
  Y: number;
}

interface ClipperOffsetBase {
  /** How far the outline moves, and the rotation of one step on a round corner. */
  readonly m_delta: number;
  m_sin: number;
  m_cos: number;
  m_StepsPerRad: number;
  Clear(): void;
  AddPath(path: readonly ClipperPoint[], joinType: number, endType: number): void;
  /** Replaces what `solution` holds. */
  Execute(solution: ClipperPoint[][], delta: number): void;
  /** Adds the points for corner `index`, and returns the corner that the next one follows. */
  OffsetPoint(index: number, before: number, joinType: number): number;
}

interface ClipperLib {
  readonly ClipperOffset: new (miterLimit: number, arcTolerance: number) => ClipperOffsetBase;
  readonly JoinType: { readonly jtRound: number };
  readonly EndType: { readonly etClosedPolygon: number };
}

const require = createRequire(import.meta.url);
const clipper = require("clipper-lib") as ClipperLib;

export const JT_ROUND: number = clipper.JoinType.jtRound;
export const ET_CLOSED_POLYGON: number = clipper.EndType.etClosedPolygon;

/** Clipper's offsetting, with the C++ version's limit on the steps of round corners. */
export class ClipperOffset extends clipper.ClipperOffset {
  override OffsetPoint(index: number, before: number, joinType: number): number {
    const turn = 2 * Math.PI;
    const limit = Math.PI * Math.abs(this.m_delta);
    if (index === 0 && this.m_StepsPerRad * turn > limit) {
      this.m_sin = Math.sign(this.m_delta) * Math.sin(turn / limit);
      this.m_cos = Math.cos(turn / limit);
      this.m_StepsPerRad = limit / turn;
    }
    return super.OffsetPoint(index, before, joinType);
  }
}
