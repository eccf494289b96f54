import type { AugmentationSpec } from "../augment/augmentation-spec.ts";
import { NORMALIZE_DEFAULTS, type NormalizeOptions } from "../preprocess/normalize.ts";
import type { TargetOptions } from "../targets/target-options.ts";
import type { PaddleTrainingSet } from "./paddle-plan.ts";
import { listTransforms, readDecode, readNormalize } from "./read-transforms.ts";
import { configError, createSection, type Findings, type Section } from "./section.ts";

/** How images become batches. */
export type TrainingTransforms = Pick<
  PaddleTrainingSet,
  "size" | "augmentations" | "targets" | "growShrinkRatioOver" | "normalize"
>;

/** What the transforms of a list come to, as far as it has been read. */
interface Draft {
  readonly augmentations: AugmentationSpec[];
  readonly border?: MapSettings;
  readonly shrink?: MapSettings & { readonly minTextSize: number };
  readonly order?: TargetOptions["order"];
  readonly size?: number;
  readonly normalize?: NormalizeOptions;
}

interface MapSettings {
  readonly path: string;
  readonly shrinkRatio: number;
  readonly totalEpoch: number | undefined;
  readonly thresholdMin?: number;
  readonly thresholdMax?: number;
}

type Reader = (section: Section, draft: Draft, findings: Findings) => Draft;

const augmented = (draft: Draft, ...specs: readonly AugmentationSpec[]): Draft => ({
  ...draft,
  augmentations: [...draft.augmentations, ...specs],
});

const READERS: Readonly<Record<string, Reader>> = {
  DecodeImage: (section, draft) => {
    readDecode(section);
    return draft;
  },
  DetLabelEncode: (_, draft) => draft,
  ToCHWImage: (_, draft) => draft,
  KeepKeys: (section, draft) => {
    section.skip("keep_keys");
    return draft;
  },
  IaaAugment: (section, draft, findings) => augmented(draft, ...readIaa(section, findings)),
  CopyPaste: (section, draft) => {
    const ratio = section.number("objects_paste_ratio", { atLeast: 0, atMost: 1 });
    return augmented(draft, {
      kind: "copy-paste",
      ...(ratio === undefined ? {} : { objectsPasteRatio: ratio }),
      limitPaste: section.flag("limit_paste") ?? true,
    });
  },
  ColorJitter: (section, draft) => {
    const strength = (key: string): number => section.number(key, { atLeast: 0 }) ?? 0;
    return augmented(draft, {
      kind: "color-jitter",
      brightness: strength("brightness"),
      contrast: strength("contrast"),
      saturation: strength("saturation"),
    });
  },
  EastRandomCropData: (section, draft) => {
    const size = section.numbers("size", { integer: true, atLeast: 32, multipleOf: 32 });
    const [side = 640, other = side] = size ?? [];
    if (side !== other || (size && size.length > 2)) {
      section.fail("size", "give a square, such as [640, 640]");
    }
    const crop: AugmentationSpec = {
      kind: "east-random-crop",
      maxTries: section.number("max_tries", { integer: true, atLeast: 1 }) ?? 10,
      minCropSideRatio: section.number("min_crop_side_ratio", { moreThan: 0, atMost: 1 }) ?? 0.1,
      keepRatio: section.flag("keep_ratio") ?? true,
    };
    return { ...augmented(draft, crop), size: side };
  },
  MakeBorderMap: (section, draft) => {
    const thresholdMin = section.number("thresh_min", { atLeast: 0, atMost: 1 }) ?? 0.3;
    const thresholdMax = section.number("thresh_max", { atLeast: 0, atMost: 1 }) ?? 0.7;
    if (thresholdMin > thresholdMax) {
      section.fail("thresh_max", `thresh_min is ${thresholdMin}; give no less`);
    }
    return {
      ...draft,
      border: { ...readMap(section), thresholdMin, thresholdMax },
      order: draft.order ?? "border-first",
    };
  },
  MakeShrinkMap: (section, draft) => ({
    ...draft,
    shrink: {
      ...readMap(section),
      minTextSize: section.number("min_text_size", { atLeast: 0 }) ?? 8,
    },
    order: draft.order ?? "shrink-first",
  }),
  NormalizeImage: (section, draft) => ({ ...draft, normalize: readNormalize(section) }),
};

/** Those that move or paint pixels: they cannot follow the maps. */
const BEFORE_MAPS: ReadonlySet<string> = new Set([
  "IaaAugment",
  "CopyPaste",
  "EastRandomCropData",
  "DetLabelEncode",
]);

function readMap(section: Section): MapSettings {
  return {
    path: section.path,
    shrinkRatio: section.number("shrink_ratio", { moreThan: 0, lessThan: 1 }) ?? 0.4,
    totalEpoch: section.number("total_epoch", { integer: true, atLeast: 1 }),
  };
}

/** imgaug's augmentations, with PaddleOCR's where none are stated. */
function readIaa(section: Section, findings: Findings): readonly AugmentationSpec[] {
  const list = section.raw("augmenter_args");
  if (list === undefined) {
    return [
      { kind: "flip", probability: 0.5 },
      { kind: "rotate", degrees: [-10, 10] },
      { kind: "scale", factors: [0.5, 3] },
    ];
  }
  if (!Array.isArray(list)) return section.fail("augmenter_args", "give a list of augmentations");
  return list.flatMap((entry: unknown, index) => {
    const path = `${section.path}.augmenter_args[${index}]`;
    const augmentation = createSection(entry, path, findings);
    const type = augmentation.text("type");
    const args = augmentation.section("args");
    const spec = readIaaEntry(args, type);
    if (!spec) findings.unknown.push(`${path} ${type ?? ""}`.trim());
    else args.finish();
    augmentation.finish();
    return spec ? [spec] : [];
  });
}

function readIaaEntry(args: Section, type: string | undefined): AugmentationSpec | undefined {
  if (type === "Fliplr") {
    return { kind: "flip", probability: args.number("p", { atLeast: 0, atMost: 1 }) ?? 0.5 };
  }
  if (type === "Affine") return { kind: "rotate", degrees: readRange(args, "rotate", {}) };
  if (type === "Resize") {
    return { kind: "scale", factors: readRange(args, "size", { moreThan: 0, atMost: 100 }) };
  }
  return undefined;
}

/** Two numbers in order; one number is both. */
function readRange(
  section: Section,
  key: string,
  range: { readonly moreThan?: number; readonly atMost?: number },
): readonly [number, number] {
  const [low, high = low, ...rest] = section.numbers(key, range) ?? [];
  if (low === undefined || high === undefined || low > high || rest.length > 0) {
    return section.fail(key, "give two numbers in ascending order");
  }
  return [low, high];
}

/** The `transforms` of the training set. */
export function readTrainingTransforms(dataset: Section, findings: Findings): TrainingTransforms {
  let draft: Draft = { augmentations: [] };
  for (const { name, section } of listTransforms(dataset, findings)) {
    const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (!reader) {
      findings.unknown.push(section.path);
      continue;
    }
    if (draft.order && BEFORE_MAPS.has(name)) {
      throw configError(section.path, name, "put it before MakeBorderMap and MakeShrinkMap");
    }
    draft = reader(section, draft, findings);
    section.finish();
  }
  const { border, shrink, size, augmentations, order, normalize } = draft;
  if (!border || !shrink || size === undefined) {
    const missing = [
      border ? "" : "MakeBorderMap",
      shrink ? "" : "MakeShrinkMap",
      size === undefined ? "EastRandomCropData" : "",
    ].filter((name) => name !== "");
    return dataset.fail("transforms", `it lacks ${missing.join(", ")}, which training needs`);
  }
  assertSame(border, shrink, "shrink_ratio", "shrinkRatio");
  assertSame(border, shrink, "total_epoch", "totalEpoch");
  const { shrinkRatio, totalEpoch } = shrink;
  if (totalEpoch !== undefined && shrinkRatio >= 0.8) {
    throw configError(
      `${shrink.path}.shrink_ratio`,
      shrinkRatio,
      "it grows by 0.2: give less than 0.8",
    );
  }
  return {
    size,
    augmentations,
    targets: {
      order: order ?? "border-first",
      shrinkRatio,
      minTextSize: shrink.minTextSize,
      thresholdMin: border.thresholdMin ?? 0.3,
      thresholdMax: border.thresholdMax ?? 0.7,
    },
    ...(totalEpoch === undefined ? {} : { growShrinkRatioOver: totalEpoch }),
    normalize: normalize ?? NORMALIZE_DEFAULTS,
  };
}

/** Both maps are drawn by one setting. */
function assertSame(
  border: MapSettings,
  shrink: MapSettings,
  key: string,
  field: "shrinkRatio" | "totalEpoch",
): void {
  if (border[field] === shrink[field]) return;
  throw configError(
    `${border.path}.${key}`,
    border[field],
    `${shrink.path}.${key} is ${shrink[field] ?? "missing"}; give both the same`,
  );
}

/** What PaddleOCR 1.1 does to training images, which its configs cannot change. */
export function staticTransforms(size: number): TrainingTransforms {
  return {
    size,
    augmentations: [
      { kind: "flip", probability: 0.5 },
      { kind: "rotate", degrees: [-10, 10] },
      { kind: "scale", factors: [0.5, 3] },
      { kind: "east-random-crop", maxTries: 10, minCropSideRatio: 0.1, keepRatio: true },
    ],
    targets: { order: "shrink-first" },
    normalize: NORMALIZE_DEFAULTS,
  };
}
