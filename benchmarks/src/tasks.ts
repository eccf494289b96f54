import type { Benchmark } from "./harness/benchmark.ts";
import { accuracy } from "./tasks/accuracy.ts";
import { bigModel } from "./tasks/big-model.ts";
import { channelGroups } from "./tasks/channel-groups.ts";
import { compress } from "./tasks/compress.ts";
import { compressLatency } from "./tasks/compress-latency.ts";
import { cost } from "./tasks/cost.ts";
import { finetune } from "./tasks/finetune.ts";
import { fitRuntimeDetector } from "./tasks/fit-runtime.ts";
import { latencyOnnxslim } from "./tasks/latency-onnxslim.ts";
import { latencySimplified } from "./tasks/latency-simplified.ts";
import { latencyTable } from "./tasks/latency-table.ts";
import { postProcessing } from "./tasks/post-processing.ts";
import { pruneRefit } from "./tasks/prune-refit.ts";
import { pruneTime } from "./tasks/prune-time.ts";
import { pruneUniform } from "./tasks/prune-uniform.ts";
import { readWrite } from "./tasks/read-write.ts";
import { sensitivityAblation } from "./tasks/sensitivity-ablation.ts";
import { sensitivityEstimates } from "./tasks/sensitivity-estimates.ts";
import { sensitivityPoint } from "./tasks/sensitivity-point.ts";
import { simplifyDetector } from "./tasks/simplify-detector.ts";
import { simplifyNewerDetector } from "./tasks/simplify-newer-detector.ts";
import { trainSteps } from "./tasks/train-step.ts";
import { trainingData } from "./tasks/training-data.ts";

/** All benchmarks, those that take long at the end. */
export const benchmarks: readonly Benchmark[] = [
  readWrite,
  bigModel,
  simplifyDetector,
  simplifyNewerDetector,
  latencySimplified,
  latencyOnnxslim,
  fitRuntimeDetector,
  latencyTable,
  channelGroups,
  cost,
  postProcessing,
  pruneTime,
  sensitivityPoint,
  sensitivityAblation,
  sensitivityEstimates,
  ...accuracy,
  ...pruneUniform,
  trainingData,
  ...trainSteps,
  pruneRefit,
  compress,
  ...compressLatency,
  finetune,
];
