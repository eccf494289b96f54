import type { RunContext } from "../../contracts/run-context.ts";
import type { Transform, TransformOutcome } from "../../contracts/transform.ts";
import { GraphError } from "../../errors.ts";
import type { Model } from "../../ir/model.ts";
import { deduplicateInitializers } from "../deduplicate-initializers.ts";
import { fuseGelu } from "../fuse-gelu.ts";
import { fuseHardSwish } from "../fuse-hard-swish.ts";
import { removeUnused } from "../remove-unused.ts";
import { addCounts, runToFixedPoint } from "../repeat.ts";
import { OLDEST_OPSET, requireOpset } from "../support/require-opset.ts";
import { NEWEST_OPSET, upgradeOpset } from "../upgrade-opset.ts";
import { affineAsConvolution } from "./affine-as-convolution.ts";
import { affineThroughConcat } from "./affine-through-concat.ts";
import { convolutionBeforeResize } from "./convolution-before-resize.ts";
import { gateIntoWeights } from "./gate-into-weights.ts";
import { mergeConvolutions } from "./merge-convolutions.ts";
import type { MicroModels } from "./micro-models.ts";
import { poolingBeforeConvolution } from "./pooling-before-convolution.ts";
import type { Rewrite, RewriteKind } from "./rewrite.ts";
import { splitConcat } from "./split-concat.ts";
import { transposedConvolution } from "./transposed-convolution.ts";
import { type Trial, tryRewrites } from "./try-rewrites.ts";

const NAME = "fitRuntime";

/** A runtime whose preferences {@link fitRuntime} knows. */
export type FitTarget = "onnxruntime-cpu";

const TARGETS: readonly FitTarget[] = ["onnxruntime-cpu"];

/** A rewrite that was tried at one place. */
export interface FitCandidate {
  readonly kind: RewriteKind;
  /** Which way of rewriting was the best, such as `phases`. */
  readonly variant: string;
  /** The node, by the name of its first output. */
  readonly place: string;
  /**
   * Time of the part that changes, with its neighbours, after ÷ before; by the rule if not measured.
   * Infinity where shapes are unknown, so that it can't be judged.
   */
  readonly ratio: number;
  /** Whether the ratio was measured, or follows from the cost rule. */
  readonly basis: "measured" | "rule";
  readonly accepted: boolean;
}

/** Options of {@link fitRuntime}. */
export interface FitRuntimeOptions {
  /** The runtime to please. */
  readonly target: FitTarget;
  /** Shapes of the inputs, by name, at which rewrites are judged; the result holds at all others too. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /**
   * Measures two small models of fixed input shapes, in turns, and returns time after ÷ before.
   * Default: none; then a rewrite is accepted if it costs less by a rule: its multiply-accumulates,
   * and four for each byte that an operator moves.
   */
  readonly measure?: (models: MicroModels) => Promise<number>;
  /** Fraction (0–1, below 1) by which a rewrite must be faster to be accepted. Default: 0.03. */
  readonly margin?: number;
  /**
   * Images a run, if it is always one: gates can then be multiplied into convolution weights. The
   * first dimension of the inputs is declared as 1, so that the runtime refuses more. Default: any
   * number of images.
   */
  readonly batchSize?: 1;
  /**
   * Whether the mean over a map may be taken before a 1×1 convolution instead of after it. That is the
   * same but for the rounding of a long sum, which ONNX Runtime makes in single precision: it can
   * change the output by more than all other rewrites do (PP-OCRv4 det: 1e-3 instead of 1e-5, as much
   * as ONNX Runtime's own optimizations). Default: false.
   */
  readonly moveMeans?: boolean;
  /** Raises the model to this opset first, 7 to 20, where better operators are. Default: stays. */
  readonly opset?: number;
  /** Hears of every rewrite that was tried, accepted or not. */
  readonly onCandidate?: (candidate: FitCandidate) => void;
}

export const FIT_RUNTIME_DEFAULTS: Readonly<
  Required<Pick<FitRuntimeOptions, "margin" | "moveMeans">>
> = { margin: 0.03, moveMeans: false };

/** In this order: each makes room for those after it. */
const REWRITES: readonly Rewrite[] = [
  mergeConvolutions,
  affineThroughConcat,
  convolutionBeforeResize,
  transposedConvolution,
  gateIntoWeights,
  splitConcat,
  affineAsConvolution,
];

/**
 * Rewrites a model, simplified before, into forms that a runtime runs faster, and that compute the
 * same up to rounding. Each rewrite is cut out with its neighbours, measured before and after, and
 * kept only if it is faster.
 *
 * | kind | rewrite |
 * | --- | --- |
 * | `pooling-before-convolution` | the mean of a 1×1 convolution becomes that of the means (`moveMeans`) |
 * | `merge-convolutions` | two convolutions with nothing between become one, their product |
 * | `affine-through-concat` | scales and shifts go through Concat into the convolutions after it |
 * | `convolution-before-resize` | convolutions run before a nearest Resize, a phase at a time |
 * | `transposed-convolution` | stride = kernel: 1×1 convolutions, DepthToSpace where the map is thin |
 * | `gate-into-weights` | gates multiply the weights of a 1×1 convolution instead of its map |
 * | `split-concat` | a convolution of a Concat becomes a sum of convolutions |
 * | `affine-as-convolution` | scales and shifts between convolutions as depthwise 1×1, or back |
 *
 * Counts are named after the kinds, `mergeConvolutions` and `mergeConvolutionsRefused`.
 *
 * @example
 * ```ts
 * const measure = async (models) => (await measureLatency(runtime, models)).ratio ?? 1;
 * await transform(model, [simplify(), fitRuntime({ target: "onnxruntime-cpu", inputShapes, measure })]);
 * // Conv(1×1) → Conv(1×1)          →   Conv(1×1)
 * // Resize(×2) → Conv(3×3)         →   4 × Conv(2×2) → Concat → DepthToSpace
 * ```
 * @throws GraphError `invalid-option` for an option out of range; `unsupported` below opset 7, or if
 *   the model can't be raised to `opset`.
 * @category Transforms
 */
export function fitRuntime(options: FitRuntimeOptions): Transform {
  const { target, margin = FIT_RUNTIME_DEFAULTS.margin, batchSize, opset } = options;
  if (!TARGETS.includes(target)) {
    throw invalid(`there is no target "${target}"; known are ${TARGETS.join(", ")}`);
  }
  if (!(margin >= 0 && margin < 1)) {
    throw invalid(`margin must be at least 0 and less than 1, got ${margin}`);
  }
  if (batchSize !== undefined && batchSize !== 1) {
    throw invalid(`batchSize must be 1 or left out, got ${batchSize}`);
  }
  const isOpset = opset === undefined || Number.isInteger(opset);
  if (!isOpset || (opset ?? OLDEST_OPSET) < OLDEST_OPSET || (opset ?? 0) > NEWEST_OPSET) {
    throw invalid(`opset must be an integer from ${OLDEST_OPSET} to ${NEWEST_OPSET}, got ${opset}`);
  }
  return {
    name: NAME,
    check: (model) => requireOpset(NAME, model),
    run: (model, context) => run(model, context, { ...options, margin }),
  };
}

function invalid(message: string): GraphError {
  return new GraphError("invalid-option", `${NAME}: ${message}`);
}

async function run(
  model: Model,
  context: RunContext,
  options: FitRuntimeOptions & { readonly margin: number },
): Promise<TransformOutcome> {
  const counts: Record<string, number> = {};
  let modified = false;
  const add = (outcome: TransformOutcome): void => {
    modified ||= outcome.modified;
    addCounts(counts, outcome.counts);
  };
  if (options.opset !== undefined && options.opset > model.opset) {
    add(await upgradeOpset(options.opset).run(model, context));
    const recognition = [fuseHardSwish(), fuseGelu()];
    add(await runToFixedPoint(model, context, recognition, { maxRounds: 2, isLossless: true }));
  }
  if (options.batchSize === 1) modified = declareSingleImage(model) || modified;
  context.onProgress({ kind: "start", task: NAME, unit: "rewrites" });
  let done = 0;
  const onTrial = ({ rewrite, ...trial }: Trial): void => {
    const { kind } = rewrite;
    const name = kind.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    addCounts(counts, { [trial.accepted ? name : `${name}Refused`]: 1 });
    modified ||= trial.accepted;
    done++;
    context.logger.debug(
      `${NAME}: ${kind} (${trial.variant}) at "${trial.place}": ratio ${trial.ratio.toFixed(3)} (${trial.basis}), ${trial.accepted ? "accepted" : "refused"}`,
    );
    context.onProgress({ kind: "advance", task: NAME, done, unit: "rewrites", detail: kind });
    options.onCandidate?.({ kind, ...trial });
  };
  const rewrites = options.moveMeans ? [poolingBeforeConvolution, ...REWRITES] : REWRITES;
  await tryRewrites(model, rewrites, { ...options, context, onTrial });
  context.onProgress({ kind: "end", task: NAME });
  if (modified) {
    const finish = [deduplicateInitializers(), removeUnused()];
    await runToFixedPoint(model, context, finish, { maxRounds: 1, isLossless: true });
  }
  return { modified, counts };
}

/** Declares that inputs hold one image, where that is left open. */
function declareSingleImage({ graph }: Model): boolean {
  let modified = false;
  for (const value of graph.inputs) {
    const { type } = value;
    if (value.isInitializer || type?.kind !== "tensor" || type.shape?.length !== 4) continue;
    const [batch, ...rest] = type.shape;
    if (typeof batch === "number" && batch > 0) continue;
    value.type = { ...type, shape: [1, ...rest] };
    modified = true;
  }
  return modified;
}
