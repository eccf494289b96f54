import type { Point, TextRegion } from "../data/region.ts";
import { OcrDetError } from "../errors.ts";
import {
  computeIntersectionArea,
  computePolygonArea,
  computePolygonIou,
  isSimplePolygon,
} from "./polygon.ts";

/*
 * The ICDAR 2015 protocol as PaddleOCR's eval_det_iou.py has it: polygons that are not simple are
 * left out, a prediction that lies mostly on an ignored region does not count, and a pair matches
 * if its IoU is above 0.5; the first pair in order of truth, then prediction, not the best one.
 */

const IOU_LIMIT = 0.5;
const IGNORED_LIMIT = 0.5;

/** An outline: a detection, or its points alone. */
export type Outline = { readonly points: readonly Point[] } | readonly Point[];

/** How the predictions of one image meet its truth. */
export interface ImageMatch {
  readonly matched: number;
  /** Regions that count: valid and not ignored. */
  readonly truthCare: number;
  /** Predictions that count: valid and not on an ignored region. */
  readonly predictedCare: number;
  /** Indices into the truth and the predictions given. */
  readonly pairs: readonly { readonly truth: number; readonly predicted: number }[];
}

/** Precision, recall and their harmonic mean over all images at IoU above 0.5; 0 for 0 / 0. */
export interface DetectionMetrics {
  readonly images: number;
  readonly precision: number;
  readonly recall: number;
  readonly hmean: number;
  readonly matched: number;
  readonly truthCare: number;
  readonly predictedCare: number;
}

/** Returns which predictions match which labelled regions of one image. */
export function matchDetections(
  truth: readonly TextRegion[],
  predicted: readonly Outline[],
): ImageMatch {
  const regions = truth
    .map(({ points, ignored }, index) => ({ points, ignored, index, taken: false }))
    .filter(({ points }) => isSimplePolygon(points));
  const ignored = regions.filter((region) => region.ignored);
  const outlines = predicted
    .map((outline, index) => ({ points: listOutline(outline), index, taken: false }))
    .filter(({ points }) => isSimplePolygon(points))
    .filter(({ points }) => !ignored.some((region) => covers(region.points, points)));
  const counted = regions.filter((region) => !region.ignored);
  const pairs: { truth: number; predicted: number }[] = [];
  for (const region of counted) {
    for (const outline of outlines) {
      if (outline.taken || computePolygonIou(region.points, outline.points) <= IOU_LIMIT) continue;
      outline.taken = true;
      pairs.push({ truth: region.index, predicted: outline.index });
      break;
    }
  }
  return {
    matched: pairs.length,
    truthCare: counted.length,
    predictedCare: outlines.length,
    pairs,
  };
}

/** Returns the metrics of many images: counts are summed first, then divided. */
export function summarizeMatches(
  matches: readonly Pick<ImageMatch, "matched" | "truthCare" | "predictedCare">[],
): DetectionMetrics {
  const total = { matched: 0, truthCare: 0, predictedCare: 0 };
  for (const match of matches) {
    total.matched += match.matched;
    total.truthCare += match.truthCare;
    total.predictedCare += match.predictedCare;
  }
  const precision = divide(total.matched, total.predictedCare);
  const recall = divide(total.matched, total.truthCare);
  const hmean = divide(2 * recall * precision, recall + precision);
  return { images: matches.length, precision, recall, hmean, ...total };
}

/** What a detector found in one image. */
export interface ImageDetections {
  readonly id: string;
  readonly detections: readonly { readonly points: readonly Point[] }[];
}

/**
 * Returns how well `candidate` finds what `reference` found, taking the reference's detections as
 * the truth: a measure that needs no labels.
 *
 * @throws OcrDetError `mismatched-images` unless both hold the same images in the same order.
 */
export function computeAgreement(
  reference: readonly ImageDetections[],
  candidate: readonly ImageDetections[],
): DetectionMetrics {
  if (reference.length !== candidate.length) {
    throw new OcrDetError(
      "mismatched-images",
      `computeAgreement: ${reference.length} reference images and ${candidate.length} candidates; give the same images`,
    );
  }
  return summarizeMatches(
    reference.map(({ id, detections }, index) => {
      const other = candidate[index];
      if (other?.id !== id) {
        throw new OcrDetError(
          "mismatched-images",
          `computeAgreement: image ${index} is "${id}" in the reference and "${other?.id}" in the candidate; give the same images in the same order`,
        );
      }
      const truth = detections.map(({ points }) => ({ points, text: "", ignored: false }));
      return matchDetections(truth, other.detections);
    }),
  );
}

function covers(region: readonly Point[], outline: readonly Point[]): boolean {
  return computeIntersectionArea(region, outline) / computePolygonArea(outline) > IGNORED_LIMIT;
}

const listOutline = (outline: Outline): readonly Point[] =>
  "points" in outline ? outline.points : outline;

const divide = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
