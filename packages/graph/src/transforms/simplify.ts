import type { RunContext } from "../contracts/run-context.ts";
import type { Transform, TransformOutcome } from "../contracts/transform.ts";
import { GraphError } from "../errors.ts";
import type { Model } from "../ir/model.ts";
import { constantsToInitializers } from "./constants-to-initializers.ts";
import { convertAffine } from "./convert-affine.ts";
import { deduplicateInitializers } from "./deduplicate-initializers.ts";
import { eliminateCommonSubexpressions } from "./eliminate-common-subexpressions.ts";
import { factorGatedResiduals } from "./factor-gated-residuals.ts";
import { foldAffine } from "./fold-affine.ts";
import { foldBatchNormalization } from "./fold-batch-normalization.ts";
import { foldConstants } from "./fold-constants.ts";
import { foldPads } from "./fold-pads.ts";
import { fuseGelu, GELU_OPSET, readGelu } from "./fuse-gelu.ts";
import { fuseHardSigmoid } from "./fuse-hard-sigmoid.ts";
import { fuseHardSwish, HARD_SWISH_OPSET, readHardSwishGate } from "./fuse-hard-swish.ts";
import { mergeClips } from "./merge-clips.ts";
import { mergeReshapes } from "./merge-reshapes.ts";
import { removeIdentities } from "./remove-identities.ts";
import { removeInitializersFromInputs } from "./remove-initializers-from-inputs.ts";
import { removeUnused } from "./remove-unused.ts";
import { addCounts, runToFixedPoint } from "./repeat.ts";
import { sortTopologically } from "./sort-topologically.ts";
import { inferPartialShapes } from "./support/partial-shapes.ts";
import { OLDEST_OPSET, requireOpset } from "./support/require-opset.ts";
import { findUpgradeObstacle, NEWEST_OPSET, upgradeOpset } from "./upgrade-opset.ts";

const NAME = "simplify";

/** Options of {@link simplify}. */
export interface SimplifyOptions {
  /**
   * The newest opset that the result may use, 7 to 20. It is raised only where that saves nodes
   * (HardSwish is of opset 14, Gelu of 20) and every operator is known to keep its meaning.
   * Default: 20.
   */
  readonly maxOpset?: number;
  /** How often the list of transforms may run, 1 or more. Default: 10. */
  readonly maxRounds?: number;
}

export const SIMPLIFY_DEFAULTS: Required<SimplifyOptions> = { maxOpset: 20, maxRounds: 10 };

/**
 * Runs all lossless transforms to a fixed point. The model computes the same up to rounding, its
 * inputs (but for initializers among them) and outputs keep names, order and types, and it is not
 * slower than it was on ONNX Runtime. Subgraphs and weights in external data stay as they are.
 *
 * @example
 * ```ts
 * await transform(model, simplify());
 * // PP-OCRv4 det: 672 nodes → 163
 * ```
 * @throws GraphError `invalid-option` if an option is out of range.
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function simplify(options: SimplifyOptions = {}): Transform {
  const { maxOpset, maxRounds } = { ...SIMPLIFY_DEFAULTS, ...options };
  assertRange("maxOpset", maxOpset, OLDEST_OPSET, NEWEST_OPSET);
  assertRange("maxRounds", maxRounds, 1, Number.MAX_SAFE_INTEGER);
  return {
    name: NAME,
    check: (model) => requireOpset(NAME, model),
    run: (model, context) => run(model, context, maxOpset, maxRounds),
  };
}

function assertRange(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new GraphError(
    "invalid-option",
    `${NAME}: ${name} must be an integer from ${min} to ${max}, got ${value}`,
  );
}

async function run(
  model: Model,
  context: RunContext,
  maxOpset: number,
  maxRounds: number,
): Promise<TransformOutcome> {
  const nodesBefore = model.graph.nodeCount;
  const counts: Record<string, number> = {};
  let modified = false;
  const add = (outcome: TransformOutcome): void => {
    modified ||= outcome.modified;
    addCounts(counts, outcome.counts);
  };
  const prepare = [removeInitializersFromInputs(), sortTopologically(), constantsToInitializers()];
  add(await runToFixedPoint(model, context, prepare, { maxRounds: 1 }));
  add(await runToFixedPoint(model, context, recognition(), { maxRounds, isLossless: true }));
  const target = findUsefulOpset(model, maxOpset);
  if (target !== undefined) add(await upgradeOpset(target).run(model, context));
  add(
    await runToFixedPoint(model, context, [...recognition(), ...folding()], {
      maxRounds,
      isLossless: true,
    }),
  );
  const finish = [convertAffine(), deduplicateInitializers(), removeUnused(), sortTopologically()];
  add(await runToFixedPoint(model, context, finish, { maxRounds: 1, isLossless: true }));
  counts["removedNodes"] = nodesBefore - model.graph.nodeCount;
  return { modified, counts };
}

/** Comes before folding, which takes apart the scalars by which activations are recognised. */
function recognition(): readonly Transform[] {
  return [
    removeIdentities(),
    foldConstants(),
    deduplicateInitializers(),
    eliminateCommonSubexpressions(),
    mergeReshapes(),
    mergeClips(),
    fuseHardSigmoid(),
    fuseHardSwish(),
    fuseGelu(),
  ];
}

function folding(): readonly Transform[] {
  return [
    foldPads(),
    foldBatchNormalization(),
    foldAffine(),
    factorGatedResiduals(),
    removeUnused(),
  ];
}

/** The newest opset that lets a spelled-out activation be one node, and can be reached. */
function findUsefulOpset(model: Model, maxOpset: number): number | undefined {
  const { graph, opset } = model;
  const known = inferPartialShapes(graph, opset);
  const wanted = new Set<number>();
  for (const node of graph.nodes) {
    if (readHardSwishGate(node)) wanted.add(HARD_SWISH_OPSET);
    if (readGelu(node, known)) wanted.add(GELU_OPSET);
  }
  return [...wanted]
    .sort((a, b) => b - a)
    .find((target) => {
      return target > opset && target <= maxOpset && !findUpgradeObstacle(model, target);
    });
}
