export { add, channelLinear, concatBranches, mul, residual, seGate } from "./blocks.ts";
export {
  affine,
  batchNormalization,
  type ConvOptions,
  conv,
  convTranspose,
  depthwise,
  gemm,
  groupNormalization,
  instanceNormalization,
  matMul,
  prelu,
  reduceMean,
  unary,
} from "./layers.ts";
export { maskConsumers } from "./mask-consumers.ts";
export {
  expectClose,
  expectSameOutputs,
  type NumbersLike,
  runModel,
  type SameOutputsOptions,
  type Tolerance,
} from "./oracles.ts";
export { pageFeed } from "./page-feed.ts";
export {
  buildRandomModel,
  type RandomModelDescription,
  type RandomModelOptions,
  type RandomOp,
  randomModel,
} from "./random-model.ts";
export { RANDOM_OP_KINDS, type RandomOpKind } from "./random-ops.ts";
export { findFreePort, hasRedis, startRedis, type TestRedis } from "./redis-server.ts";
export {
  type EvaluateModelOptions,
  evaluateModel,
  type ReferenceFeed,
  type ReferenceTensor,
} from "./reference/evaluate-model.ts";
export type { ReferenceContext, ReferenceKernel } from "./reference/reference-kernel.ts";
export {
  clip,
  concat,
  depthToSpace,
  flatten,
  globalAveragePool,
  hardSigmoid,
  hardSwish,
  pad,
  pool,
  reshape,
  resize,
  shuffle,
  slice,
  softmax,
  split,
  transpose,
} from "./reshaping.ts";
export { type RuntimeCheck, runtimeChecks } from "./runtime-contract.ts";
export { sampleModel } from "./sample-models.ts";
export { sharedPath } from "./shared-path.ts";
export {
  addMultiNode,
  addNode,
  createTestModel,
  dimOf,
  floatConstant,
  intConstant,
  nextRandom,
  opsetOf,
  randomWeight,
  shapeOf,
  type TestModelInit,
} from "./test-graph.ts";
