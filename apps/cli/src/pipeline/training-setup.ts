import type { Model } from "@ocrslim/graph";
import type {
  PaddleDetectionPlan,
  PaddleLossPlan,
  PaddleOptimizerPlan,
  PaddleSchedulePlan,
} from "@ocrslim/ocr-det";
import {
  adam,
  adamW,
  buildTrainingStep,
  clipByNorm,
  constantRate,
  cosineRate,
  dbLoss,
  diceFocalDbLoss,
  type Loss,
  type Optimizer,
  piecewiseRate,
  polynomialRate,
  type Schedule,
  type Span,
  sgd,
  stepRate,
  type TrainingStep,
  withoutDecay,
} from "@ocrslim/train";
import { imageInputOf } from "./detection.ts";

/** Builds the training step that a config asks for; a batch is made up of micro-batches. */
export async function buildStep(
  model: Model,
  plan: PaddleDetectionPlan,
  batch: { readonly size: number; readonly microBatch: number; readonly accumulate: number },
): Promise<TrainingStep> {
  const { optimizer, emaDecay } = plan;
  return await buildTrainingStep(model, {
    inputShapes: { [imageInputOf(model)]: [batch.microBatch, 3, batch.size, batch.size] },
    loss: toLoss(plan.loss),
    optimizer: toOptimizer(optimizer),
    groups: optimizer.decaysAll ? [] : [withoutDecay()],
    ...(optimizer.clipNorm === undefined ? {} : { clip: clipByNorm(optimizer.clipNorm) }),
    ...(emaDecay === undefined ? {} : { emaDecay }),
    accumulate: batch.accumulate,
    batchNormalization: "trained",
  });
}

function toLoss(plan: PaddleLossPlan): Loss {
  const { alpha, beta } = plan;
  if (plan.kind === "db") {
    const { shrink, negativeRatio } = plan;
    return dbLoss({ shrink, alpha, beta, negativeRatio });
  }
  const { focalAlpha, focalGamma, diceWeight, focalWeight } = plan;
  return diceFocalDbLoss({
    alpha,
    beta,
    maps: { alpha: focalAlpha, gamma: focalGamma, diceWeight, focalWeight },
  });
}

function toOptimizer(plan: PaddleOptimizerPlan): Optimizer {
  const { weightDecay } = plan;
  if (plan.kind === "momentum") return sgd({ momentum: plan.momentum, weightDecay });
  const { beta1, beta2, epsilon } = plan;
  const options = { beta1, beta2, epsilon, weightDecay };
  return plan.kind === "adam" ? adam(options) : adamW(options);
}

/**
 * Makes a config's schedule, whose epochs become fractions of the training: a run that is shorter
 * than the config's epochs has the same curve, in less time.
 */
export function toSchedule(
  plan: PaddleSchedulePlan,
  { epochs, updatesPerEpoch }: { readonly epochs: number; readonly updatesPerEpoch: number },
): Schedule {
  const share = (count: number): Span => ({ fraction: Math.min(count / epochs, 1) });
  const { learningRate, warmUp: rise } = plan;
  const warmUp = share("epochs" in rise ? rise.epochs : rise.updates / updatesPerEpoch);
  const common = { learningRate, warmUp };
  // Paddle counts the warm-up into the length of a decay.
  const length: Span = { fraction: 1 };
  if (plan.kind === "constant") return constantRate(common);
  if (plan.kind === "cosine") return cosineRate({ ...common, length });
  if (plan.kind === "polynomial") {
    return polynomialRate({ ...common, length, power: plan.power, final: plan.final });
  }
  if (plan.kind === "step") {
    return stepRate({ ...common, every: share(plan.everyEpochs), factor: plan.factor });
  }
  const pieces = plan.pieces.filter(([epoch]) => epoch < epochs);
  return piecewiseRate({
    ...common,
    pieces: pieces.map(([epoch, rate]) => [share(epoch), rate] as const),
  });
}
