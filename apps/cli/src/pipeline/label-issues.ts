import {
  computePolygonArea,
  isSimplePolygon,
  type Point,
  type Sample,
  type TextRegion,
} from "@ocrslim/ocr-det";
import sharp from "sharp";
import type { CommandContext } from "../command.ts";

/** What is wrong with an outline; training copes with all of them. */
export const issueKinds = ["outside", "partly-outside", "self-intersecting", "zero-area"] as const;
export type IssueKind = (typeof issueKinds)[number];

/** An outline that is not as it should be. */
export interface LabelIssue {
  readonly image: string;
  /** Number of the outline in its image, from 1. */
  readonly label: number;
  readonly kind: IssueKind;
}

/** What a labelled set holds. */
export interface LabelReport {
  readonly images: number;
  readonly withoutText: number;
  readonly texts: number;
  readonly ignored: number;
  readonly issues: readonly LabelIssue[];
}

/** Counts the labels of samples, and looks at each outline. Image files are not decoded. */
export async function checkLabels(
  context: CommandContext,
  samples: readonly Sample[],
): Promise<LabelReport> {
  const { onProgress } = context.runOptions();
  const task = "check labels";
  const issues: LabelIssue[] = [];
  onProgress?.({ kind: "start", task, total: samples.length, unit: "images" });
  for (const [index, { id, imagePath, regions = [] }] of samples.entries()) {
    context.signal?.throwIfAborted();
    const { autoOrient } = await sharp(imagePath).metadata();
    regions.forEach((region, at) => {
      const kind = findIssue(region, autoOrient);
      if (kind) issues.push({ image: id, label: at + 1, kind });
    });
    onProgress?.({
      kind: "advance",
      task,
      done: index + 1,
      total: samples.length,
      unit: "images",
    });
  }
  onProgress?.({ kind: "end", task });
  const regions = samples.flatMap((sample) => sample.regions ?? []);
  return {
    images: samples.length,
    withoutText: samples.filter((sample) => sample.regions?.length === 0).length,
    texts: regions.length,
    ignored: regions.filter(({ ignored }) => ignored).length,
    issues,
  };
}

/** What is wrong with an outline in an image of that size, the worst first. */
function findIssue(
  { points }: TextRegion,
  { width, height }: { readonly width: number; readonly height: number },
): IssueKind | undefined {
  if (isFlat(points)) return "zero-area";
  const isInside = ([x, y]: Point): boolean => x >= 0 && y >= 0 && x <= width && y <= height;
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const isApart =
    Math.max(...xs) <= 0 ||
    Math.min(...xs) >= width ||
    Math.max(...ys) <= 0 ||
    Math.min(...ys) >= height;
  if (isApart) return "outside";
  if (!isSimplePolygon(points)) return "self-intersecting";
  return points.every(isInside) ? undefined : "partly-outside";
}

/** Whether all points lie on a line, or nearly so: a crossed outline may have an area of 0 as well. */
function isFlat(points: readonly Point[]): boolean {
  const [first] = points;
  return (
    first === undefined ||
    points.every((second) =>
      points.every((third) => computePolygonArea([first, second, third]) < 0.5),
    )
  );
}
