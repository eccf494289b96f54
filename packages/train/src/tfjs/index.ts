export { createTfjsEngine, type TfjsEngineOptions } from "./create-tfjs-engine.ts";
export { findTfjs, type TfjsCandidate } from "./find-tfjs.ts";
export type { TfjsPackage } from "./load-tfjs.ts";
export { type LoweredModel, type LowerModelOptions, lowerModel } from "./lower-model.ts";
export type { Lowering, LoweringContext } from "./lowering.ts";
export { lowerings } from "./lowerings.ts";
export type { TfDtype, Tfjs, TfTensor } from "./tfjs.ts";
