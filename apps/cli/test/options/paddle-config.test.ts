import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { detectionOptions, toDetectionSettings } from "../../src/options/detection-options.ts";
import { readPaddleConfig } from "../../src/options/paddle-config.ts";

/** As PaddleOCR's det_mv3_db.yml has it, shortened. */
const config = `
Global:
  use_gpu: true
  epoch_num: 1200
  save_model_dir: ./output/db_mv3/
Architecture: { model_type: det, algorithm: DB }
Loss: { name: DBLoss }
PostProcess:
  name: DBPostProcess
  thresh: 0.25
  box_thresh: 0.5
  max_candidates: 500
  unclip_ratio: 1.6
Eval:
  dataset:
    name: SimpleDataSet
    data_dir: ./train_data/icdar2015/text_localization/
    label_file_list:
      - ./train_data/icdar2015/text_localization/test_icdar2015_label.txt
    transforms:
      - DecodeImage: { img_mode: BGR, channel_first: False }
      - DetLabelEncode:
      - DetResizeForTest: { image_shape: [736, 1280] }
      - NormalizeImage:
          scale: 1./255.
          mean: [0.485, 0.456, 0.406]
          std: [0.229, 0.224, 0.225]
          order: hwc
      - ToCHWImage:
      - KeepKeys: { keep_keys: [image, shape, polys, ignore_tags] }
  loader: { shuffle: False }
`;

function parseValue(key: keyof typeof detectionOptions, values: Readonly<Record<string, unknown>>) {
  return detectionOptions[key].schema.parse(values[key]);
}

describe("readPaddleConfig", () => {
  it("takes resize, normalisation, post-processing and data, without a warning", () => {
    const { values, warnings } = readPaddleConfig(parse(config));
    expect(warnings).toEqual([]);
    expect(values).toMatchObject({
      thresh: 0.25,
      boxThresh: 0.5,
      maxCandidates: 500,
      unclipRatio: 1.6,
      imageShape: [736, 1280],
      imageRoot: "./train_data/icdar2015/text_localization/",
      data: ["./train_data/icdar2015/text_localization/test_icdar2015_label.txt"],
    });
    expect(parseValue("normalizeScale", values)).toBeCloseTo(1 / 255, 12);
  });

  it("names keys that may change a result and are not known", () => {
    const tree = parse(config);
    tree.PostProcess.treshold = 0.3;
    tree.Eval.dataset.transforms.push({ ColorJitter: {} });
    tree.Eval.dataset.transforms[2].DetResizeForTest.side = 5;
    expect(readPaddleConfig(tree).warnings).toEqual([
      expect.stringContaining("PostProcess.treshold"),
      expect.stringContaining("DetResizeForTest.side"),
      expect.stringContaining("ColorJitter"),
    ]);
  });

  it("leaves PaddleOCR's defaults where a config says nothing", () => {
    const flags = Object.fromEntries(
      Object.entries(detectionOptions).map(([key, spec]) => [key, spec.schema.parse(undefined)]),
    );
    expect(toDetectionSettings(flags as never)).toMatchObject({
      resize: { kind: "limit-side", limitSideLength: 736, limitType: "min" },
      postprocess: { threshold: 0.3, boxThreshold: 0.6, unclipRatio: 1.5 },
    });
  });
});
