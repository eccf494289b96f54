import { ints } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import { binaryCrossEntropy } from "./binary-cross-entropy.ts";
import { dice } from "./dice.ts";
import type { Loss } from "./loss.ts";
import { asTarget } from "./operands.ts";

/** Options of {@link distillation}. */
export interface DistillationOptions {
  /** Name of the target that brings the teacher's probability map. Default: `teacher`. */
  readonly target?: string;
  /**
   * Name of a value of the model that is the teacher's map, where the teacher stands in the same graph
   * (`joinModels`). Default: none; the map is the target.
   */
  readonly teacherOutput?: string;
  /** Name of the output that gives the student's map. Default: the first one. */
  readonly output?: string;
  /**
   * How much more an undecided pixel counts than a decided one, 0 or more; undecided are those where
   * the teacher's probability lies between 0.1 and 0.9, the borders of text. Default: 4.
   */
  readonly borderWeight?: number;
  /** Weight of the dice term, 0 or more; 0 leaves it out. Default: 1. */
  readonly diceWeight?: number;
}

/** Where the teacher is undecided. */
const BORDER = { low: 0.1, high: 0.9 } as const;

/** The teacher's text, as PaddleOCR's distillation takes it. */
const TEXT_THRESHOLD = 0.3;

/** Limits probabilities to [ε, 1 − ε]. */
const EPSILON = 1e-6;

/**
 * Makes a detector's probability map, [N, 1, H, W], that of a teacher; no labels are needed. The
 * target is a map of the same dims, or a teacher in the same graph gives it.
 *
 *   Σ w·BCE(p, t) / Σ w  +  diceWeight · (1 − 2·Σ p·d / (Σ p + Σ d)),   w = 1 + borderWeight·[0.1 < t < 0.9]
 *
 * d is the teacher's text, [t > 0.3], dilated by 2×2 as in PaddleOCR's DistillationDilaDBLoss; the
 * soft cross-entropy takes the place of that loss's hard one, so that borders are learned as well.
 * Reports `bce` and `dice`.
 * @throws TrainError `invalid-option` if a weight is negative or not a number.
 */
export function distillation(options: DistillationOptions = {}): Loss {
  const { target: targetName = "teacher", borderWeight = 4, diceWeight = 1 } = options;
  for (const [name, value] of Object.entries({ borderWeight, diceWeight })) {
    if (Number.isFinite(value) && value >= 0) continue;
    throw new TrainError(
      "invalid-option",
      `distillation: ${name} is ${value}; give a number of 0 or more`,
    );
  }
  return ({ ops, output, value, target, report }) => {
    const map = output(options.output);
    const { teacherOutput } = options;
    const teacher =
      teacherOutput === undefined
        ? target(targetName, ops.dims(map))
        : asTarget(ops, "distillation", value(teacherOutput), map);
    const isBorder = ops.and(ops.greater(teacher, BORDER.low), ops.less(teacher, BORDER.high));
    const weight = ops.add(ops.mul(ops.cast(isBorder, "float32"), borderWeight), 1);
    const bce = binaryCrossEntropy(ops, map, teacher, { epsilon: EPSILON, mask: weight });
    report("bce", bce);
    if (diceWeight === 0) return bce;
    const text = ops.cast(ops.greater(teacher, TEXT_THRESHOLD), "float32");
    const dilated = ops.node("MaxPool", [text], {
      kernel_shape: ints([2, 2]),
      pads: ints([1, 1, 0, 0]),
    });
    const overlap = dice(ops, map, dilated);
    report("dice", overlap);
    return ops.add(bce, ops.mul(overlap, diceWeight));
  };
}
