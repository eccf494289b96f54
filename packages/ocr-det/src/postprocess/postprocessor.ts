import type { Point } from "../data/region.ts";
import { OcrDetError } from "../errors.ts";
import { computePerimeter, computePolygonArea } from "../metric/polygon.ts";
import { type CvMat, loadOpenCv, type OpenCv } from "../opencv.ts";
import { roundHalfEven } from "../preprocess/compute-resize.ts";
import { markAbove } from "./mark-above.ts";
import { toMiniBox } from "./mini-box.ts";
import { type PostprocessOptions, resolvePostprocessOptions } from "./options.ts";
import { createWorkspace, type Workspace } from "./workspace.ts";

/*
 * PaddleOCR's DBPostProcess, with its float32 roundings. What costs time is crossing into
 * WebAssembly and the objects that come back, so: matrices of the map's size are kept between
 * calls of equal size, points go over through one reserved block of the heap, means are summed
 * here, and every matrix that a contour needs is freed before the next.
 */

/** A text outline that was found, in whole pixels of the source image. */
export interface Detection {
  /** 4 corners (left upper, right upper, right lower, left lower), or more for polygons. */
  readonly points: readonly Point[];
  /** Mean probability inside, 0–1. */
  readonly score: number;
}

/** Turns probability maps into outlines. It holds memory outside JavaScript: dispose of it. */
export interface Postprocessor {
  readonly options: PostprocessOptions;
  /**
   * Returns the detections in a map `[mapHeight, mapWidth]` of probabilities, in pixels of an image
   * of `sourceHeight` × `sourceWidth`, in the order in which OpenCV lists their contours.
   *
   * @throws OcrDetError `invalid-map` if the sizes do not fit or it was disposed of.
   */
  run(
    map: Float32Array,
    mapHeight: number,
    mapWidth: number,
    sourceHeight: number,
    sourceWidth: number,
  ): Detection[];
  /** Frees the memory; safe to call twice. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Returns a post-processor. The first one of a process loads OpenCV (about half a second).
 *
 * @throws OcrDetError `invalid-option`.
 */
export async function createPostprocessor(
  options: Partial<PostprocessOptions> = {},
): Promise<Postprocessor> {
  const resolved = resolvePostprocessOptions(options);
  const { cv } = await loadOpenCv();
  let workspace: Workspace | undefined;
  let disposed = false;
  const dispose = (): void => {
    workspace?.dispose();
    workspace = undefined;
    disposed = true;
  };
  return {
    options: resolved,
    run(map, mapHeight, mapWidth, sourceHeight, sourceWidth) {
      if (disposed)
        throw new OcrDetError(
          "invalid-map",
          "Postprocessor.run: it was disposed of; create a new one",
        );
      assertSizes(map, mapHeight, mapWidth, sourceHeight, sourceWidth);
      if (workspace?.height !== mapHeight || workspace.width !== mapWidth) {
        workspace?.dispose();
        workspace = createWorkspace(cv, mapHeight, mapWidth);
      }
      const scale = { x: sourceWidth, y: sourceHeight };
      return findDetections(cv, workspace, map, resolved, scale);
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

function assertSizes(map: Float32Array, ...sizes: readonly [number, number, number, number]): void {
  if (
    !sizes.every((size) => Number.isInteger(size) && size > 0) ||
    map.length !== sizes[0] * sizes[1]
  ) {
    throw new OcrDetError(
      "invalid-map",
      `Postprocessor.run: a map of ${map.length} values as ${sizes[0]} × ${sizes[1]} for an image of ${sizes[2]} × ${sizes[3]}; give height × width values and positive sizes`,
    );
  }
}

/** Width and height of the source image. */
interface Scale {
  readonly x: number;
  readonly y: number;
}

function findDetections(
  cv: OpenCv,
  workspace: Workspace,
  map: Float32Array,
  options: PostprocessOptions,
  scale: Scale,
): Detection[] {
  const rows = fillBinary(workspace, map, options);
  if (!rows) return [];
  const { binary, tree, width } = workspace;
  const part = binary.roi({ x: 0, y: rows.top, width, height: rows.bottom - rows.top + 1 });
  const contours = new cv.MatVector();
  const detections: Detection[] = [];
  try {
    const offset = { x: 0, y: rows.top };
    cv.findContours(part, contours, tree, cv.RETR_LIST, cv.CHAIN_APPROX_SIMPLE, offset);
    const count = Math.min(contours.size(), options.maxCandidates);
    const find = options.boxType === "poly" ? findPolygon : findBox;
    for (let index = 0; index < count; index += 1) {
      const contour = contours.get(index);
      const detection = find(cv, workspace, map, contour, options, scale);
      contour.delete();
      if (detection) detections.push(detection);
    }
  } finally {
    contours.delete();
    part.delete();
  }
  return detections;
}

/** Writes the binary map; returns the first and the last row with text, if there is any. */
function fillBinary(
  workspace: Workspace,
  map: Float32Array,
  options: PostprocessOptions,
): { readonly top: number; readonly bottom: number } | undefined {
  const { data } = workspace.binary;
  const { width, height } = workspace;
  const { first, last } = markAbove(map, options.threshold, data);
  if (first < 0) return undefined;
  const top = Math.floor(first / width);
  const bottom = Math.floor(last / width);
  if (!options.dilation) return { top, bottom };
  const lowest = Math.min(bottom + 1, height - 1);
  dilate(data, width, top, lowest);
  return { top, bottom: lowest };
}

/** In place, backwards: a pixel is set if it, or the one left, above or left above it is. */
function dilate(data: Uint8Array, width: number, top: number, bottom: number): void {
  for (let row = bottom; row >= top; row -= 1) {
    for (let column = width - 1; column >= 0; column -= 1) {
      const at = row * width + column;
      const above = row > 0 ? at - width : at;
      const left = column > 0 ? 1 : 0;
      if (data[at] || data[at - left] || data[above] || data[above - left]) data[at] = 255;
    }
  }
}

function findBox(
  cv: OpenCv,
  workspace: Workspace,
  map: Float32Array,
  contour: CvMat,
  options: PostprocessOptions,
  scale: Scale,
): Detection | undefined {
  const { points, side } = toMiniBox(cv.minAreaRect(contour));
  if (side < options.minSize) return undefined;
  const score =
    options.scoreMode === "fast"
      ? workspace.scorer.scoreQuad(map, points)
      : workspace.scorer.scoreContour(map, contour);
  if (options.boxThreshold > score) return undefined;
  const [grown, ...others] = workspace.offsetter.offset(points, computeDistance(points, options));
  if (!grown || others.length > 0) return undefined;
  const box = workspace.enclose(grown);
  if (box.side < options.minSize + 2) return undefined;
  const { fround } = Math;
  const toSource = (value: number, length: number, target: number): number =>
    clamp(roundHalfEven(fround(fround(value / length) * target)), target);
  return {
    points: box.points.map(([x, y]) => [
      toSource(x, workspace.width, scale.x),
      toSource(y, workspace.height, scale.y),
    ]),
    score,
  };
}

function findPolygon(
  cv: OpenCv,
  workspace: Workspace,
  map: Float32Array,
  contour: CvMat,
  options: PostprocessOptions,
  scale: Scale,
): Detection | undefined {
  const { approximation } = workspace;
  cv.approxPolyDP(contour, approximation, 0.002 * cv.arcLength(contour, true), true);
  if (approximation.rows < 4) return undefined;
  const score = workspace.scorer.scoreContour(map, approximation);
  if (options.boxThreshold > score) return undefined;
  const points = listPoints(approximation.data32S);
  const [grown, ...others] = workspace.offsetter.offset(points, computeDistance(points, options));
  if (!grown || others.length > 0) return undefined;
  if (workspace.enclose(grown).side < options.minSize + 2) return undefined;
  return {
    points: grown.map(({ X, Y }) => [
      clamp(roundHalfEven((X / workspace.width) * scale.x), scale.x),
      clamp(roundHalfEven((Y / workspace.height) * scale.y), scale.y),
    ]),
    score,
  };
}

function computeDistance(points: readonly Point[], options: PostprocessOptions): number {
  return (computePolygonArea(points) * options.unclipRatio) / computePerimeter(points);
}

function listPoints(coordinates: Int32Array): Point[] {
  const points: Point[] = [];
  for (let at = 0; at < coordinates.length; at += 2) {
    points.push([coordinates[at] as number, coordinates[at + 1] as number]);
  }
  return points;
}

const clamp = (value: number, high: number): number => Math.min(Math.max(value, 0), high);
