import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import {
  buildDbDetector,
  createAugmentation,
  NORMALIZE_DEFAULTS,
  OcrDetError,
  type PaddleDetectionPlan,
  readPaddleDetectionConfig,
} from "../../src/index.ts";
import { createTemporaryFolder } from "../temporary-folder.ts";
import { mobileNetConfig, staticConfig, withValue } from "./configs.ts";

const read = (config: unknown): Promise<PaddleDetectionPlan> =>
  readPaddleDetectionConfig(config, { baseFolder: "/paddle", checkFiles: false });

const readWith = (path: string, value: unknown): Promise<PaddleDetectionPlan> =>
  read(withValue(mobileNetConfig(), path, value));

async function failureOf(promise: Promise<unknown>): Promise<OcrDetError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof OcrDetError) return error;
  throw new TypeError(`no OcrDetError: ${String(error)}`);
}

describe("readPaddleDetectionConfig", () => {
  it("understands all of a config of version 2", async () => {
    expect(await read(mobileNetConfig())).toEqual({
      form: "2.0",
      detector: {
        backbone: { name: "MobileNetV3", modelName: "large", scale: 0.5, disableSe: false },
        neck: { name: "DBFPN", outChannels: 256, useAsf: false },
        head: { name: "DBHead", k: 50 },
        graph: "training",
      },
      loss: { kind: "db", shrink: "dice", alpha: 5, beta: 10, negativeRatio: 3 },
      optimizer: {
        kind: "adam",
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0,
        decaysAll: true,
      },
      schedule: { kind: "constant", learningRate: 0.001, warmUp: { epochs: 0 } },
      training: {
        imageRoot: resolve("/paddle/train_data"),
        sources: [{ file: resolve("/paddle/train_data/train.txt"), ratio: 1 }],
        batchSize: 16,
        size: 640,
        augmentations: [
          { kind: "flip", probability: 0.5 },
          { kind: "rotate", degrees: [-10, 10] },
          { kind: "scale", factors: [0.5, 3] },
          { kind: "east-random-crop", maxTries: 50, minCropSideRatio: 0.1, keepRatio: true },
        ],
        targets: {
          order: "border-first",
          shrinkRatio: 0.4,
          minTextSize: 8,
          thresholdMin: 0.3,
          thresholdMax: 0.7,
        },
        normalize: NORMALIZE_DEFAULTS,
      },
      evaluation: {
        imageRoot: resolve("/paddle/train_data"),
        sources: [{ file: resolve("/paddle/train_data/test.txt"), ratio: 1 }],
        resize: { kind: "image-shape", height: 736, width: 1280, keepRatio: false },
        normalize: NORMALIZE_DEFAULTS,
      },
      postprocess: expect.objectContaining({
        threshold: 0.3,
        boxThreshold: 0.6,
        unclipRatio: 1.5,
        maxCandidates: 1000,
      }),
      epochs: 1200,
      evaluateEvery: 2000,
      pretrained: resolve("/paddle/pretrain_models/MobileNetV3_large_x0_5_pretrained"),
      outputFolder: resolve("/paddle/output/db_mv3"),
      unknown: [],
      notes: [],
    });
  });

  it("understands the form of PaddleOCR 1.1, with the same model as its successor's", async () => {
    const plan = await read(staticConfig());
    expect(plan).toMatchObject({
      form: "1.1",
      detector: {
        backbone: { name: "MobileNetV3", modelName: "large", scale: 0.5, disableSe: true },
        neck: { name: "DBFPN", outChannels: 96 },
      },
      schedule: { kind: "cosine", learningRate: 0.001, warmUp: { updates: 1000 } },
      training: { batchSize: 16, size: 640, targets: { order: "shrink-first" } },
      evaluation: { resize: { kind: "image-shape", height: 736, width: 1280 } },
      epochs: 1200,
      evaluateEvery: 5000,
      unknown: [],
    });
    expect(plan.notes.join()).toContain("step_each_epoch");
    const names = buildDbDetector(plan.detector).graph.outputs.map(({ name }) => name);
    expect(names).toEqual(["shrink_maps", "threshold_maps", "binary_maps"]);
  });

  it("gives augmentations that can be made, in the order of the transforms", async () => {
    const { training } = await readWith("Train.dataset.transforms", [
      { CopyPaste: null },
      { ColorJitter: { brightness: 0.2, saturation: 0.5 } },
      { IaaAugment: null },
      { EastRandomCropData: { size: [320, 320] } },
      { MakeShrinkMap: { shrink_ratio: 0.5, total_epoch: 500 } },
      { MakeBorderMap: { shrink_ratio: 0.5, total_epoch: 500 } },
    ]);
    expect(training).toMatchObject({ size: 320, growShrinkRatioOver: 500 });
    expect(training?.targets).toMatchObject({ order: "shrink-first", shrinkRatio: 0.5 });
    const specs = training?.augmentations ?? [];
    expect(specs.map((spec) => createAugmentation(spec, [320, 320]).name)).toEqual([
      ...["copyPaste", "colorJitter", "flip", "rotate", "scale", "eastRandomCrop"],
    ]);
    expect(specs[1]).toEqual({
      kind: "color-jitter",
      brightness: 0.2,
      contrast: 0,
      saturation: 0.5,
    });
  });

  it.each([
    [{ name: "Cosine", learning_rate: 0.001, warmup_epoch: 2 }, { kind: "cosine" }],
    [
      { name: "Linear", learning_rate: 0.1, power: 2, end_lr: 0.01 },
      { kind: "polynomial", power: 2, final: 0.01 },
    ],
    [
      { name: "DecayLearningRate", learning_rate: 0.007, factor: 0.9, end_lr: 0 },
      { kind: "polynomial", power: 0.9, final: 0 },
    ],
    [
      { name: "Step", learning_rate: 0.1, step_size: 100, gamma: 0.5 },
      { kind: "step", everyEpochs: 100, factor: 0.5 },
    ],
    [
      { name: "Piecewise", decay_epochs: [700, 800], values: [0.1, 0.01, 0.001] },
      {
        kind: "piecewise",
        learningRate: 0.1,
        pieces: [
          [700, 0.01],
          [800, 0.001],
        ],
      },
    ],
    [
      { name: "MultiStepDecay", learning_rate: 1, milestones: [10, 20], gamma: 0.5 },
      {
        kind: "piecewise",
        learningRate: 1,
        pieces: [
          [10, 0.5],
          [20, 0.25],
        ],
      },
    ],
  ])("reads the learning rate %j", async (lr, expected) => {
    const { schedule, unknown } = await readWith("Optimizer.lr", lr);
    const epochs = "warmup_epoch" in lr ? lr.warmup_epoch : 0;
    expect(schedule).toMatchObject({ ...expected, warmUp: { epochs } });
    expect(unknown).toEqual([]);
  });

  it.each([
    [
      { name: "Momentum", momentum: 0.8, weight_decay: 0.0001 },
      { kind: "momentum", momentum: 0.8, weightDecay: 0.0001 },
    ],
    [
      { name: "AdamW", beta1: 0.8, one_dim_param_no_weight_decay: true },
      { kind: "adamw", beta1: 0.8, weightDecay: 0.01, decaysAll: false },
    ],
    [
      { name: "Adam", regularizer: { name: "L2", factor: "5e-5" }, clip_norm_global: 5 },
      { kind: "adam", weightDecay: 5e-5, clipNorm: 5 },
    ],
  ])("reads the optimizer %j", async (optimizer, expected) => {
    const plan = await readWith("Optimizer", { ...optimizer, lr: { learning_rate: 0.001 } });
    expect(plan.optimizer).toMatchObject(expected);
    expect(plan.unknown).toEqual([]);
  });

  it.each([
    [
      { main_loss_type: "BCELoss", ohem_ratio: 5 },
      { kind: "db", shrink: "bce", negativeRatio: 5 },
    ],
    [
      { main_loss_type: "DiceFocalLoss", focal_gamma: 2.5, alpha: 4 },
      { kind: "dice-focal", alpha: 4, focalAlpha: 0.25, focalGamma: 2.5 },
    ],
  ])("reads the loss %j", async (loss, expected) => {
    const plan = await readWith("Loss", { name: "DBLoss", ...loss });
    expect(plan.loss).toMatchObject(expected);
  });

  it.each([
    [
      { limit_side_len: 960, limit_type: "max" },
      { limitSideLength: 960, limitType: "max" },
    ],
    [{ limit_side_len: 960 }, { limitSideLength: 960, limitType: "min" }],
    [{ resize_long: 1024 }, { kind: "resize-long", length: 1024 }],
    [
      { image_shape: [736, 736], keep_ratio: true },
      { kind: "image-shape", keepRatio: true },
    ],
    [null, { kind: "limit-side", limitSideLength: 736, limitType: "min" }],
  ])("reads the resize %j", async (options, expected) => {
    const plan = await readWith("Eval.dataset.transforms.2", { DetResizeForTest: options });
    expect(plan.evaluation?.resize).toMatchObject(expected);
  });

  it("names every key that it does not know, with its path", async () => {
    const strange: readonly (readonly [path: string, value: unknown])[] = [
      ["Global.use_turbo", true],
      ["Architecture.Neck.dilated_kernel_size", 7],
      ["Loss.smoothing", 0.1],
      ["Optimizer.no_weight_decay_name", "norm"],
      ["Optimizer.lr.cycles", 3],
      ["PostProcess.speed", "fast"],
      ["Train.loader.prefetch", 2],
      ["Train.dataset.transforms.3.EastRandomCropData.jitter", 1],
      ["Train.dataset.transforms.9.RandomPerspective", { prob: 0.3 }],
      ["Eval.dataset.transforms.6.Sharpen", null],
      ["Export", {}],
    ];
    const config = strange.reduce(
      (tree, [path, value]) => withValue(tree, path, value),
      mobileNetConfig(),
    );
    const { unknown } = await read(config);
    const expected = strange.map(([path]) => path.replace(/\.\d+\./, "."));
    expect([...unknown].sort()).toEqual([...expected].sort());
  });

  it("names augmentations of imgaug that it does not know, and their arguments", async () => {
    const { unknown, training } = await readWith(
      "Train.dataset.transforms.2.IaaAugment.augmenter_args",
      [
        { type: "Flipud", args: { p: 0.5 } },
        { type: "Affine", args: { rotate: [-45, 45], p: 0.5 } },
      ],
    );
    const path = "Train.dataset.transforms.IaaAugment.augmenter_args";
    expect(unknown).toEqual([`${path}[0] Flipud`, `${path}[1].args.p`]);
    expect(training?.augmentations[0]).toEqual({ kind: "rotate", degrees: [-45, 45] });
  });

  it.each([
    ["Architecture.Backbone.name", "PPLCNetV3", "MobileNetV3, ResNet_vd"],
    ["Architecture.Backbone.scale", 0.6, "0.35, 0.5"],
    ["Architecture.Backbone", { name: "ResNet", dcn_stage: [false, true] }, "deformable"],
    ["Architecture.Neck.out_channels", 254, "multiple of 4"],
    ["Architecture.Head.name", "PFHeadLocal", "DBHead"],
    ["Architecture.algorithm", "EAST", "DB"],
    ["Architecture.Models", { Student: {} }, "under Architecture"],
    ["Architecture.Head.kernel_list", [3, 3, 3], "[3, 2, 2]"],
    ["Loss.name", "CombinedLoss", "DBLoss"],
    ["Loss.alpha", -1, "0 or more"],
    ["Loss.aux_weight_p2", 0.4, "auxiliary"],
    ["Optimizer.name", "RMSProp", "Momentum"],
    ["Optimizer.regularizer", { name: "L1", factor: 0.1 }, "L2"],
    ["Optimizer.weight_decay", 0.1, "contradicts"],
    ["Optimizer.lr.name", "OneCycle", "Cosine"],
    ["Optimizer.lr", { name: "Piecewise", decay_epochs: [5], values: [0.1] }, "2 learning rates"],
    ["PostProcess.name", "EASTPostProcess", "DBPostProcess"],
    ["PostProcess.thresh", 3, "up to 1"],
    ["Global.epoch_num", "many", "whole number"],
    ["Train.dataset.name", "LMDBDataSet", "SimpleDataSet"],
    ["Train.dataset.ratio_list", [0.5, 0.5], "one number"],
    ["Train.dataset.transforms.3.EastRandomCropData.size", [640, 320], "square"],
    ["Train.dataset.transforms.3.EastRandomCropData.size", [600, 600], "multiple of 32"],
    ["Train.dataset.transforms.5.MakeShrinkMap.shrink_ratio", 0.5, "both the same"],
    ["Train.dataset.transforms.0.DecodeImage.img_mode", "RGB", "BGR"],
    ["Train.dataset.transforms", [{ DecodeImage: null }], "MakeBorderMap"],
    ["Train.dataset.transforms.7", { CopyPaste: null }, "before MakeBorderMap"],
    ["Train.loader.batch_size_per_card", null, "whole number"],
    ["Eval.dataset.transforms.2.DetResizeForTest.limit_side_len", 736, "contradicts"],
    ["Architecture", [], "mapping"],
  ])("refuses %s = %j with one error that says what is possible", async (path, value, possible) => {
    const error = await failureOf(readWith(path, value));
    expect(error.code).toBe("invalid-option");
    expect(error.message).toContain(possible);
    expect(error.message.split("\n")).toHaveLength(1);
    const key = path.split(".").filter((part) => !/^\d+$/.test(part));
    expect(error.message).toContain(key.slice(0, 2).join("."));
  });

  it.each([undefined, [], "Global", {}, { Global: { epoch_num: 1 } }])(
    "refuses %j, which is no detection config",
    async (config) => {
      expect((await failureOf(read(config))).code).toBe("invalid-option");
    },
  );

  it("refuses a label file or an image folder that is not there, naming the key", async () => {
    const baseFolder = createTemporaryFolder();
    const check = (): Promise<unknown> =>
      readPaddleDetectionConfig(mobileNetConfig(), { baseFolder });
    const first = await failureOf(check());
    expect(first).toMatchObject({
      code: "file-not-found",
      file: join(baseFolder, "train_data", "train.txt"),
    });
    expect(first.message).toContain("Train.dataset.label_file_list");
    await mkdir(join(baseFolder, "train_data"));
    await writeFile(join(baseFolder, "train_data", "train.txt"), "");
    expect((await failureOf(check())).message).toContain("Eval.dataset.label_file_list");
    await writeFile(join(baseFolder, "train_data", "test.txt"), "");
    expect(await check()).toMatchObject({ unknown: [] });
  });
});
