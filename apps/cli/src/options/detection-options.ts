import {
  NORMALIZE_DEFAULTS,
  type NormalizeOptions,
  POSTPROCESS_DEFAULTS,
  type PostprocessOptions,
  type ResizeOptions,
} from "@ocrslim/ocr-det";
import { z } from "zod";
import {
  flag,
  heightAndWidth,
  integerIn,
  numberIn,
  type OptionSpecs,
  oneOf,
  optional,
  withDefault,
} from "./option.ts";

/** How pictures are resized and maps turned into boxes; the names are PaddleOCR's. */
export interface DetectionFlags {
  limitSideLen: number | undefined;
  limitType: "min" | "max" | "resize_long" | undefined;
  imageShape: readonly [number, number] | undefined;
  keepRatio: boolean;
  resizeLong: number | undefined;
  normalizeMean: Triple | undefined;
  normalizeStd: Triple | undefined;
  normalizeScale: number | undefined;
  thresh: number;
  boxThresh: number;
  unclipRatio: number;
  maxCandidates: number;
  dilation: boolean;
  scoreMode: "fast" | "slow";
  boxType: "quad" | "poly";
}

type Triple = readonly [number, number, number];

function triple(): z.ZodType<Triple> {
  const message = "it must be three numbers, such as 0.485,0.456,0.406";
  const split = (value: unknown): unknown =>
    typeof value === "string" ? value.split(",").map(Number) : value;
  return z.preprocess(
    split,
    z.tuple([z.number(message), z.number(message), z.number(message)], message),
  );
}

/** PaddleOCR's configs spell the scale as a Python expression. */
function scale(): z.ZodType<number> {
  const message = "it must be a number above 0, or 1./255.";
  const read = (value: unknown): unknown => {
    if (typeof value !== "string") return value;
    const [numerator, denominator = "1", ...rest] = value.split("/").map((part) => part.trim());
    if (rest.length > 0 || numerator === undefined || numerator === "") return value;
    return Number(numerator) / Number(denominator);
  };
  return z.preprocess(read, z.number(message).gt(0, message));
}

/** The specs of {@link DetectionFlags}. */
export const detectionOptions: OptionSpecs<DetectionFlags> = {
  limitSideLen: {
    flags: "--limit-side-len <pixels>",
    description: "Side length that --limit-type speaks of. Default: 736.",
    schema: optional(integerIn(32, 16384)),
  },
  limitType: {
    flags: "--limit-type <type>",
    description:
      "min: enlarge until the short side has it; max: reduce until the long side has it; resize_long: either way. Default: min.",
    schema: optional(oneOf(["min", "max", "resize_long"])),
  },
  imageShape: {
    flags: "--image-shape <height,width>",
    description: "Resize every picture to this size instead, in pixels.",
    schema: optional(heightAndWidth()),
  },
  keepRatio: {
    flags: "--keep-ratio",
    description: "With --image-shape: keep the aspect, the width follows from the height.",
    schema: flag(),
  },
  resizeLong: {
    flags: "--resize-long <pixels>",
    description: "Resize the long side to this instead, sides up to multiples of 128.",
    schema: optional(integerIn(32, 16384)),
  },
  normalizeMean: {
    flags: "--normalize-mean <b,g,r>",
    description: "Mean of each channel. Default: 0.485,0.456,0.406.",
    schema: optional(triple()),
  },
  normalizeStd: {
    flags: "--normalize-std <b,g,r>",
    description: "Standard deviation of each channel. Default: 0.229,0.224,0.225.",
    schema: optional(triple()),
  },
  normalizeScale: {
    flags: "--normalize-scale <factor>",
    description: "Factor of the 8-bit levels. Default: 1/255.",
    schema: optional(scale()),
  },
  thresh: {
    flags: "--thresh <probability>",
    description: "Pixels above it are text, 0 to 1. Default: 0.3.",
    schema: withDefault(numberIn(0, 1), POSTPROCESS_DEFAULTS.threshold),
  },
  boxThresh: {
    flags: "--box-thresh <probability>",
    description: "Boxes below this mean probability are dropped, 0 to 1. Default: 0.6.",
    schema: withDefault(numberIn(0, 1), POSTPROCESS_DEFAULTS.boxThreshold),
  },
  unclipRatio: {
    flags: "--unclip-ratio <ratio>",
    description: "How far boxes are grown, 0.1 to 10. Default: 1.5.",
    schema: withDefault(numberIn(0.1, 10), POSTPROCESS_DEFAULTS.unclipRatio),
  },
  maxCandidates: {
    flags: "--max-candidates <count>",
    description: "Contours looked at in a picture. Default: 1000.",
    schema: withDefault(integerIn(1, 1_000_000), POSTPROCESS_DEFAULTS.maxCandidates),
  },
  dilation: { flags: "--dilation", description: "Dilate the binary map by 2 × 2.", schema: flag() },
  scoreMode: {
    flags: "--score-mode <mode>",
    description: "fast (box) or slow (contour). Default: fast.",
    schema: withDefault(oneOf(["fast", "slow"]), POSTPROCESS_DEFAULTS.scoreMode),
  },
  boxType: {
    flags: "--box-type <type>",
    description: "quad or poly. Default: quad.",
    schema: withDefault(oneOf(["quad", "poly"]), POSTPROCESS_DEFAULTS.boxType),
  },
};

/** What a detector is created with. */
export interface DetectionSettings {
  readonly resize: ResizeOptions;
  readonly normalize: NormalizeOptions;
  readonly postprocess: PostprocessOptions;
}

function toResize(flags: DetectionFlags): ResizeOptions {
  if (flags.imageShape) {
    const [height, width] = flags.imageShape;
    return { kind: "image-shape", height, width, keepRatio: flags.keepRatio };
  }
  if (flags.resizeLong !== undefined) return { kind: "resize-long", length: flags.resizeLong };
  return {
    kind: "limit-side",
    limitSideLength: flags.limitSideLen ?? 736,
    limitType: flags.limitType ?? "min",
  };
}

/** Turns the flags into the options of `@ocrslim/ocr-det`. */
export function toDetectionSettings(flags: DetectionFlags): DetectionSettings {
  return {
    resize: toResize(flags),
    normalize: {
      mean: flags.normalizeMean ?? NORMALIZE_DEFAULTS.mean,
      std: flags.normalizeStd ?? NORMALIZE_DEFAULTS.std,
      scale: flags.normalizeScale ?? NORMALIZE_DEFAULTS.scale,
    },
    postprocess: {
      ...POSTPROCESS_DEFAULTS,
      threshold: flags.thresh,
      boxThreshold: flags.boxThresh,
      unclipRatio: flags.unclipRatio,
      maxCandidates: flags.maxCandidates,
      dilation: flags.dilation,
      scoreMode: flags.scoreMode,
      boxType: flags.boxType,
    },
  };
}
