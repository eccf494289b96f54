import * as api from "@ocrslim/train";
import * as tfjs from "@ocrslim/train/tfjs";
import { describe, expect, expectTypeOf, it } from "vitest";

describe("the public API", () => {
  it("is this", () => {
    expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
      [
        "TRAINING_OPSET",
        "TRAIN_DEFAULTS",
        "TrainError",
        "adam",
        "adamW",
        "backpropagate",
        "balancedBinaryCrossEntropy",
        "balancedMean",
        "bernoulliKlDivergence",
        "binaryCrossEntropy",
        "binaryCrossEntropyWithLogits",
        "buildTrainingStep",
        "clipByNorm",
        "clipByValue",
        "constantRate",
        "cosineRate",
        "createChannelGradients",
        "createEmptyOps",
        "createOps",
        "createOrtEngine",
        "createWorkerData",
        "dbLoss",
        "dice",
        "diceFocal",
        "diceFocalDbLoss",
        "differentiate",
        "distillation",
        "exportModel",
        "featureDistillation",
        "findBlockSize",
        "findNonFinite",
        "findParameters",
        "focal",
        "gradientRules",
        "joinModels",
        "maskedL1",
        "maskedMean",
        "meanSquaredError",
        "mutualLearning",
        "notCovered",
        "outputGradient",
        "piecewiseRate",
        "polynomialRate",
        "readCheckpoint",
        "reestimateBatchNormalization",
        "requireInput",
        "sgd",
        "smoothL1",
        "softmaxKlDivergence",
        "stepRate",
        "train",
        "weightedSum",
        "withoutDecay",
        "writeCheckpoint",
      ]
    `);
  });

  it("of the TensorFlow.js engine is this", () => {
    expect(Object.keys(tfjs).sort()).toMatchInlineSnapshot(`
      [
        "createTfjsEngine",
        "findTfjs",
        "lowerModel",
        "lowerings",
      ]
    `);
  });

  it("has engines of one shape", () => {
    expectTypeOf(tfjs.createTfjsEngine).returns.resolves.toEqualTypeOf<api.TrainingEngine>();
    expectTypeOf(api.createOrtEngine).returns.toEqualTypeOf<api.TrainingEngine>();
  });

  it("takes a loss, an optimizer, a schedule and a rule that are plain functions and objects", () => {
    const loss: api.Loss = ({ ops, output }) => ops.mean(output());
    const schedule: api.Schedule = () => 0.1;
    const rule: api.GradientRule = () => [];
    const optimizer: api.Optimizer = {
      name: "own",
      slots: [],
      settings: {},
      weightDecay: 0,
      update: ({ parameters }) => ({ parameters, slots: [] }),
    };
    expectTypeOf<api.TrainingStepOptions>().toExtend<{ loss: api.Loss }>();
    for (const made of [loss, schedule, rule, optimizer]) expect(made).toBeDefined();
  });
});
