import { resolve } from "node:path";
import type { PaddleDataSet, PaddleEvaluationSet, PaddleTrainingSet } from "./paddle-plan.ts";
import { readTrainingTransforms, staticTransforms } from "./read-training-transforms.ts";
import { readEvaluationTransforms } from "./read-transforms.ts";
import type { Findings, Section } from "./section.ts";

/** A `dataset` section, but for its transforms. Its paths start from `baseFolder`. */
function readDataSet(dataset: Section, baseFolder: string): PaddleDataSet {
  dataset.oneOf("name", ["SimpleDataSet"]);
  dataset.oneOf("delimiter", ["\t"]);
  dataset.skip("ext_op_transform_idx", "ext_data_num");
  const files =
    dataset.texts("label_file_list") ?? dataset.fail("label_file_list", "give label files");
  const ratios = dataset.numbers("ratio_list", { moreThan: 0, atMost: 1 }) ?? [1];
  if (ratios.length !== 1 && ratios.length !== files.length) {
    dataset.fail("ratio_list", `give one number, or ${files.length}: one for each label file`);
  }
  return {
    imageRoot: resolve(baseFolder, dataset.text("data_dir") ?? "."),
    sources: files.map((file, index) => ({
      file: resolve(baseFolder, file),
      ratio: ratios[index] ?? ratios[0] ?? 1,
    })),
  };
}

/** What loaders are told that makes no difference here. */
const LOADER_KEYS = ["num_workers", "use_shared_memory", "drop_last", "shuffle"] as const;

/** The `Train` section; undefined if there is none. */
export function readTrainingSet(
  root: Section,
  baseFolder: string,
  findings: Findings,
): PaddleTrainingSet | undefined {
  if (root.raw("Train") === undefined) return undefined;
  const train = root.section("Train");
  const dataset = train.section("dataset");
  const loader = train.section("loader");
  loader.skip(...LOADER_KEYS);
  if (loader.flag("shuffle") === false) {
    findings.notes.push(`${loader.path}.shuffle: images come in another order in each epoch`);
  }
  const set: PaddleTrainingSet = {
    ...readDataSet(dataset, baseFolder),
    ...readTrainingTransforms(dataset, findings),
    batchSize:
      loader.number("batch_size_per_card", { integer: true, atLeast: 1 }) ??
      loader.fail("batch_size_per_card", "give a whole number of 1 or more"),
  };
  for (const section of [dataset, loader, train]) section.finish();
  return set;
}

/** The `Eval` section; undefined if there is none. */
export function readEvaluationSet(
  root: Section,
  baseFolder: string,
  findings: Findings,
): PaddleEvaluationSet | undefined {
  if (root.raw("Eval") === undefined) return undefined;
  const evaluation = root.section("Eval");
  const dataset = evaluation.section("dataset");
  const loader = evaluation.section("loader");
  // Images are measured one by one.
  loader.skip(...LOADER_KEYS, "batch_size_per_card");
  const set: PaddleEvaluationSet = {
    ...readDataSet(dataset, baseFolder),
    ...readEvaluationTransforms(dataset, findings),
  };
  for (const section of [dataset, loader, evaluation]) section.finish();
  return set;
}

/** A reader section of PaddleOCR 1.1, which stands in a file of its own (`Global.reader_yml`). */
function readStaticSet(reader: Section, baseFolder: string): PaddleDataSet {
  reader.skip("reader_function", "process_function", "num_workers", "do_eval", "infer_img");
  const file =
    reader.text("label_file_path") ?? reader.fail("label_file_path", "give a label file");
  return {
    imageRoot: resolve(baseFolder, reader.text("img_set_dir") ?? "."),
    sources: [{ file: resolve(baseFolder, file), ratio: 1 }],
  };
}

/** The `TrainReader` section of PaddleOCR 1.1. */
export function readStaticTrainingSet(
  root: Section,
  settings: { readonly baseFolder: string; readonly size: number; readonly batchSize: number },
): PaddleTrainingSet | undefined {
  if (root.raw("TrainReader") === undefined) return undefined;
  const reader = root.section("TrainReader");
  const set = readStaticSet(reader, settings.baseFolder);
  reader.finish();
  return { ...set, ...staticTransforms(settings.size), batchSize: settings.batchSize };
}

/** The `EvalReader` section of PaddleOCR 1.1. */
export function readStaticEvaluationSet(
  root: Section,
  baseFolder: string,
  findings: Findings,
): PaddleEvaluationSet | undefined {
  if (root.raw("EvalReader") === undefined) return undefined;
  const reader = root.section("EvalReader");
  const set = readStaticSet(reader, baseFolder);
  const [height, width] =
    reader.numbers("test_image_shape", { integer: true, atLeast: 32, atMost: 16384 }) ?? [];
  const { normalize } = staticTransforms(640);
  reader.finish();
  if (height !== undefined && width !== undefined) {
    return { ...set, normalize, resize: { kind: "image-shape", height, width, keepRatio: false } };
  }
  findings.notes.push(
    `${reader.path}: long sides are limited to 2400 pixels, and sides rounded to multiples of 32, not down`,
  );
  return {
    ...set,
    normalize,
    resize: { kind: "limit-side", limitSideLength: 2400, limitType: "max" },
  };
}
