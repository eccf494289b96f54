import { DEFAULT_RESIZE, type ResizeOptions } from "../preprocess/compute-resize.ts";
import { NORMALIZE_DEFAULTS, type NormalizeOptions } from "../preprocess/normalize.ts";
import { createSection, type Findings, isMapping, type Section } from "./section.ts";

/** One entry of a `transforms` list. */
export interface TransformEntry {
  readonly name: string;
  readonly section: Section;
}

/** The entries of a `transforms` list, in order; each is a mapping of one name. */
export function listTransforms(dataset: Section, findings: Findings): readonly TransformEntry[] {
  const list = dataset.raw("transforms");
  if (list === undefined) return [];
  if (!Array.isArray(list)) return dataset.fail("transforms", "give a list of transforms");
  return list.flatMap((entry: unknown, index) => {
    const [[name, options] = ["", undefined], ...others] = isMapping(entry)
      ? Object.entries(entry)
      : typeof entry === "string"
        ? [[entry, undefined] as const]
        : [];
    if (name === "" || others.length > 0) {
      return dataset.fail("transforms", `entry ${index + 1} must be one transform and its options`);
    }
    const path = `${dataset.path}.transforms.${name}`;
    return [{ name, section: createSection(options, path, findings) }];
  });
}

/** Images are always decoded to blue, green, red. */
export function readDecode(section: Section): void {
  section.oneOf("img_mode", ["BGR"]);
  if (section.flag("channel_first")) section.fail("channel_first", "give false");
  // Images are turned as their EXIF data says, as OpenCV does without this flag.
  if (section.flag("ignore_orientation")) section.fail("ignore_orientation", "give false");
}

/** The options of `NormalizeImage`. */
export function readNormalize(section: Section): NormalizeOptions {
  const triple = (
    key: "mean" | "std",
    range: { readonly moreThan?: number },
  ): NormalizeOptions["mean"] => {
    const numbers = section.numbers(key, range);
    if (!numbers) return NORMALIZE_DEFAULTS[key];
    const [blue, green, red, ...rest] = numbers;
    if (blue === undefined || green === undefined || red === undefined || rest.length > 0) {
      return section.fail(key, "give three numbers");
    }
    return [blue, green, red];
  };
  section.oneOf("order", ["hwc", "chw"]);
  return {
    mean: triple("mean", {}),
    std: triple("std", { moreThan: 0 }),
    scale: section.number("scale", { moreThan: 0 }) ?? NORMALIZE_DEFAULTS.scale,
  };
}

/** The options of `DetResizeForTest`. */
export function readResize(section: Section): ResizeOptions {
  section.skip("max_side_limit");
  const shape = section.numbers("image_shape", { integer: true, atLeast: 32, atMost: 16384 });
  const length = section.number("resize_long", { integer: true, atLeast: 32, atMost: 16384 });
  const side = section.number("limit_side_len", { integer: true, atLeast: 32, atMost: 16384 });
  const limitType = section.oneOf("limit_type", ["min", "max", "resize_long"]);
  const keepRatio = section.flag("keep_ratio") ?? false;
  const given = [
    shape && "image_shape",
    length !== undefined && "resize_long",
    side !== undefined && "limit_side_len",
  ].filter((key) => typeof key === "string");
  const [, second] = given;
  if (second !== undefined) section.fail(second, `it contradicts ${given[0]}; keep one of them`);
  if (shape) {
    const [height, width, ...rest] = shape;
    if (height === undefined || width === undefined || rest.length > 0) {
      return section.fail("image_shape", "give height and width, such as [736, 1280]");
    }
    return { kind: "image-shape", height, width, keepRatio };
  }
  if (length !== undefined) return { kind: "resize-long", length };
  if (side === undefined && limitType === undefined) return DEFAULT_RESIZE;
  return {
    kind: "limit-side",
    limitSideLength: side ?? 736,
    limitType: limitType ?? "min",
  };
}

/** How evaluation brings images to the model's input. */
export interface EvaluationTransforms {
  readonly resize: ResizeOptions;
  readonly normalize: NormalizeOptions;
}

/** The `transforms` of the evaluation set. */
export function readEvaluationTransforms(
  dataset: Section,
  findings: Findings,
): EvaluationTransforms {
  let resize: ResizeOptions = DEFAULT_RESIZE;
  let normalize: NormalizeOptions = NORMALIZE_DEFAULTS;
  for (const { name, section } of listTransforms(dataset, findings)) {
    if (name === "DetResizeForTest") resize = readResize(section);
    else if (name === "NormalizeImage") normalize = readNormalize(section);
    else if (name === "DecodeImage") readDecode(section);
    else if (name === "KeepKeys") section.skip("keep_keys");
    else if (name !== "DetLabelEncode" && name !== "ToCHWImage") {
      findings.unknown.push(section.path);
      continue;
    }
    section.finish();
  }
  return { resize, normalize };
}
