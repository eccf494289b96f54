import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import { requireNumber } from "../optimizers/require-number.ts";
import { balancedBinaryCrossEntropy } from "./balanced-binary-cross-entropy.ts";
import { dice } from "./dice.ts";
import type { Loss } from "./loss.ts";
import { maskedL1 } from "./masked-l1.ts";
import { COUNT_EPSILON } from "./masked-mean.ts";

/** Options of {@link dbLoss}. */
export interface DbLossOptions {
  /**
   * Loss of the shrink map: `dice`, as PaddleOCR's configurations have it, or `bce`, the paper's
   * cross-entropy with hard negatives. Default: `dice`.
   */
  readonly shrink?: "dice" | "bce";
  /** Weight of the shrink map's loss, 0 or more. Default: 5. */
  readonly alpha?: number;
  /** Weight of the threshold map's loss, 0 or more. Default: 10. */
  readonly beta?: number;
  /** Negatives that count for each positive, above 0. Default: 3. */
  readonly negativeRatio?: number;
  /** Names of the outputs. Default: the first, second and third, or the only one. */
  readonly outputs?:
    | readonly [shrink: string]
    | readonly [shrink: string, threshold: string, binary: string];
}

/**
 * The loss of a DB detector's training graph (Liao et al. 2020, "Real-time Scene Text Detection with
 * Differentiable Binarization", equation 6; PaddleOCR's DBLoss):
 * α·shrink + β·masked L1 of the threshold map + dice of the binary map.
 *
 * Of an inference graph, which gives the shrink map alone, it is the first term.
 *
 * Targets, [N, 1, H, W] each: `shrink_map`, `shrink_mask`, `threshold_map`, `threshold_mask`. Reports
 * `shrink`, `threshold` and `binary`, weighted. All are finite where nothing is to be found.
 * @throws TrainError `invalid-option` if a number is out of range.
 */
export function dbLoss(options: DbLossOptions = {}): Loss {
  const { shrink: kind = "dice", alpha = 5, beta = 10, negativeRatio = 3 } = options;
  requireNumber("dbLoss", "alpha", alpha, { atLeast: 0 });
  requireNumber("dbLoss", "beta", beta, { atLeast: 0 });
  requireNumber("dbLoss", "negativeRatio", negativeRatio, { moreThan: 0 });
  return ({ ops, output, outputs, target, report }) => {
    const [first, second, third] = options.outputs ?? outputs;
    const shrinkMap = output(first);
    const dims = ops.dims(shrinkMap);
    const wanted = target("shrink_map", dims);
    const mask = target("shrink_mask", dims);
    const forShrink =
      kind === "bce"
        ? balancedBinaryCrossEntropy(ops, shrinkMap, wanted, mask, { negativeRatio })
        : balancedDice(ops, shrinkMap, wanted, mask, negativeRatio);
    const shrink = ops.mul(forShrink, alpha);
    if (second === undefined) {
      report("shrink", shrink);
      return shrink;
    }
    const forThreshold = maskedL1(
      ops,
      output(second),
      target("threshold_map", dims),
      target("threshold_mask", dims),
    );
    const terms = {
      shrink,
      threshold: ops.mul(forThreshold, beta),
      binary: dice(ops, output(third), wanted, mask),
    };
    for (const [name, term] of Object.entries(terms)) report(name, term);
    return ops.add(ops.add(terms.shrink, terms.threshold), terms.binary);
  };
}

/**
 * PaddleOCR's BalanceLoss of a dice loss, which is one number for the whole batch: mining changes
 * nothing but that it is 0 where there are no positives.
 */
function balancedDice(
  ops: Ops,
  prediction: Value,
  wanted: Value,
  mask: Value,
  negativeRatio: number,
): Value {
  const floor = (value: Value): Value => ops.node("Floor", [value]);
  const positives = floor(ops.sum(ops.mul(wanted, mask)));
  const negatives = ops.sum(ops.mul(ops.sub(1, wanted), mask));
  const mined = floor(ops.min(negatives, ops.mul(positives, negativeRatio)));
  const count = ops.add(positives, mined);
  return ops.mul(
    dice(ops, prediction, wanted, mask),
    ops.div(count, ops.add(count, COUNT_EPSILON)),
  );
}
