import type { AugmentationSpec } from "../augment/augmentation-spec.ts";
import type { DbDetectorConfig } from "../builder/config.ts";
import type { PostprocessOptions } from "../postprocess/options.ts";
import type { ResizeOptions } from "../preprocess/compute-resize.ts";
import type { NormalizeOptions } from "../preprocess/normalize.ts";
import type { TargetOptions } from "../targets/target-options.ts";

/** The loss of a DB detector's three maps. */
export type PaddleLossPlan =
  | {
      readonly kind: "db";
      /** Loss of the shrink map: dice, or cross-entropy with hard negatives. */
      readonly shrink: "dice" | "bce";
      readonly alpha: number;
      readonly beta: number;
      /** Negatives that count for each positive. */
      readonly negativeRatio: number;
    }
  | {
      /** Dice and focal loss of the shrink map and of the binary map (PP-OCRv6). */
      readonly kind: "dice-focal";
      readonly alpha: number;
      readonly beta: number;
      readonly focalAlpha: number;
      readonly focalGamma: number;
      readonly diceWeight: number;
      readonly focalWeight: number;
    };

/** What updates the weights. */
export type PaddleOptimizerPlan = {
  /** L2 (`adam`, `momentum`) or decoupled (`adamw`) decay of the weights, 0 or more. */
  readonly weightDecay: number;
  /** Whether biases and normalizations decay as well, which they do in Paddle. */
  readonly decaysAll: boolean;
  /** Greatest norm of the whole gradient. */
  readonly clipNorm?: number;
} & (
  | {
      readonly kind: "adam" | "adamw";
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
    }
  | { readonly kind: "momentum"; readonly momentum: number }
);

/** The learning rate over the training; epochs count from the end of the warm-up. */
export type PaddleSchedulePlan = {
  readonly learningRate: number;
  /** How long the rate rises from 0, in epochs or in updates. */
  readonly warmUp: { readonly epochs: number } | { readonly updates: number };
} & (
  | { readonly kind: "constant" }
  | { readonly kind: "cosine" }
  | { readonly kind: "polynomial"; readonly power: number; readonly final: number }
  | { readonly kind: "step"; readonly everyEpochs: number; readonly factor: number }
  | {
      readonly kind: "piecewise";
      readonly pieces: readonly (readonly [fromEpoch: number, learningRate: number])[];
    }
);

/** Label files, and where their images lie. All paths are absolute. */
export interface PaddleDataSet {
  /** Folder that the label files' image paths start from. */
  readonly imageRoot: string;
  /** Label files, and which part of their images is used: above 0, up to 1. */
  readonly sources: readonly { readonly file: string; readonly ratio: number }[];
}

/** What is trained on, and how images become batches. */
export interface PaddleTrainingSet extends PaddleDataSet {
  /** Images of an update. */
  readonly batchSize: number;
  /** Side of the square inputs, pixels. */
  readonly size: number;
  readonly augmentations: readonly AugmentationSpec[];
  readonly targets: TargetOptions;
  /** Epochs over which the shrink ratio grows by 0.2. */
  readonly growShrinkRatioOver?: number;
  readonly normalize: NormalizeOptions;
}

/** What is measured on, and how images are brought to the model's input. */
export interface PaddleEvaluationSet extends PaddleDataSet {
  readonly resize: ResizeOptions;
  readonly normalize: NormalizeOptions;
}

/** What a PaddleOCR detection config asks for. */
export interface PaddleDetectionPlan {
  /** Layout of the file: of PaddleOCR 1.1 (static graphs), or of 2.0 and later. */
  readonly form: "1.1" | "2.0";
  /** For `buildDbDetector`: a training graph. */
  readonly detector: DbDetectorConfig;
  readonly loss: PaddleLossPlan;
  readonly optimizer: PaddleOptimizerPlan;
  readonly schedule: PaddleSchedulePlan;
  readonly training?: PaddleTrainingSet;
  readonly evaluation?: PaddleEvaluationSet;
  readonly postprocess: PostprocessOptions;
  readonly epochs: number;
  /** Updates from one evaluation to the next. */
  readonly evaluateEvery?: number;
  /** Weights to begin with: an absolute path, often without its `.pdparams`, or an address. */
  readonly pretrained?: string;
  /** Folder for results; an absolute path. */
  readonly outputFolder?: string;
  readonly seed?: number;
  /** Decay of a moving average of the weights. */
  readonly emaDecay?: number;
  /** Paths of keys that are not known here and have no effect. */
  readonly unknown: readonly string[];
  /** What is done in another way here, one sentence each. */
  readonly notes: readonly string[];
}
