import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import { requireNumber } from "../optimizers/require-number.ts";
import { dice } from "./dice.ts";
import { type FocalOptions, focal } from "./focal.ts";
import type { Loss } from "./loss.ts";
import { maskedL1 } from "./masked-l1.ts";

/** Options of {@link diceFocal}. */
export interface DiceFocalOptions extends Pick<FocalOptions, "alpha" | "gamma"> {
  /** Weight of the dice loss, 0 or more. Default: 1. */
  readonly diceWeight?: number;
  /** Weight of the focal loss, 0 or more. Default: 1. */
  readonly focalWeight?: number;
}

/**
 * diceWeight·dice + focalWeight·focal of the same maps, a scalar, as PP-OCRv6's detectors are trained:
 * dice looks at the overlap as a whole, focal at the pixels that are still wrong. `mask`: 0 for what
 * is ignored by both. α and γ are those of `focal`.
 * @throws TrainError `invalid-loss` if dims do not fit, `invalid-option` if a number is out of range.
 */
export function diceFocal(
  ops: Ops,
  probability: Value,
  target: Value,
  mask?: Value,
  options: DiceFocalOptions = {},
): Value {
  const { diceWeight = 1, focalWeight = 1, ...focalOptions } = options;
  requireNumber("diceFocal", "diceWeight", diceWeight, { atLeast: 0 });
  requireNumber("diceFocal", "focalWeight", focalWeight, { atLeast: 0 });
  const overlap = dice(ops, probability, target, mask);
  const pixels = focal(ops, probability, target, { ...focalOptions, ...(mask ? { mask } : {}) });
  return ops.add(ops.mul(overlap, diceWeight), ops.mul(pixels, focalWeight));
}

/** Options of {@link diceFocalDbLoss}. */
export interface DiceFocalDbLossOptions {
  /** Weight of the shrink map's loss, 0 or more. Default: 5. */
  readonly alpha?: number;
  /** Weight of the threshold map's loss, 0 or more. Default: 10. */
  readonly beta?: number;
  /** Of the shrink map's and of the binary map's loss. */
  readonly maps?: DiceFocalOptions;
}

/**
 * DB's loss with {@link diceFocal} of the shrink map and of the binary map in place of dice
 * (PaddleOCR's DBLoss with `main_loss_type: DiceFocalLoss`):
 * α·diceFocal + β·masked L1 of the threshold map + diceFocal of the binary map; of a graph with the
 * shrink map alone, the first term.
 *
 * Targets and reports are those of `dbLoss`.
 * @throws TrainError `invalid-option` if a number is out of range.
 */
export function diceFocalDbLoss(options: DiceFocalDbLossOptions = {}): Loss {
  const { alpha = 5, beta = 10, maps } = options;
  requireNumber("diceFocalDbLoss", "alpha", alpha, { atLeast: 0 });
  requireNumber("diceFocalDbLoss", "beta", beta, { atLeast: 0 });
  return ({ ops, output, outputs, target, report }) => {
    const [first, second, third] = outputs;
    const shrinkMap = output(first);
    const dims = ops.dims(shrinkMap);
    const wanted = target("shrink_map", dims);
    const mask = target("shrink_mask", dims);
    const shrink = ops.mul(diceFocal(ops, shrinkMap, wanted, mask, maps), alpha);
    report("shrink", shrink);
    if (second === undefined) return shrink;
    const distance = maskedL1(
      ops,
      output(second),
      target("threshold_map", dims),
      target("threshold_mask", dims),
    );
    const threshold = ops.mul(distance, beta);
    const binary = diceFocal(ops, output(third), wanted, mask, maps);
    report("threshold", threshold);
    report("binary", binary);
    return ops.add(ops.add(shrink, threshold), binary);
  };
}
