import type { RunContext } from "../contracts/run-context.ts";
import type { Transform, TransformOutcome } from "../contracts/transform.ts";
import { GraphError } from "../errors.ts";
import type { Model } from "../ir/model.ts";
import { inferPartialShapes } from "./support/partial-shapes.ts";
import type { ShapedTransform } from "./support/shaped-transform.ts";

const NAME = "repeat";

/** Options of {@link repeat}. */
export interface RepeatOptions {
  /** How often the whole list may run, 1 or more. Default: 10. */
  readonly maxRounds?: number;
}

export const REPEAT_DEFAULTS: Required<RepeatOptions> = { maxRounds: 10 };

/**
 * Runs transforms again and again, until a round changes nothing or `maxRounds` is reached.
 *
 * @example
 * ```ts
 * await transform(model, repeat([removeIdentities(), removeUnused()]));
 * // Identity → Identity → Relu   →   Relu
 * ```
 * @throws GraphError `invalid-option` if `maxRounds` is not a positive integer.
 * @category Transforms
 */
export function repeat(transforms: readonly Transform[], options: RepeatOptions = {}): Transform {
  const { maxRounds } = { ...REPEAT_DEFAULTS, ...options };
  if (!Number.isInteger(maxRounds) || maxRounds < 1) {
    throw new GraphError(
      "invalid-option",
      `${NAME}: maxRounds must be a positive integer, got ${maxRounds}`,
    );
  }
  return {
    name: NAME,
    check(model) {
      for (const step of transforms) step.check?.(model);
    },
    run: (model, context) => runToFixedPoint(model, context, transforms, { maxRounds }),
  };
}

/** How {@link runToFixedPoint} goes about it. */
interface FixedPointOptions {
  readonly maxRounds: number;
  /** Lets the transforms of a round share what is known of shapes: all must be lossless. */
  readonly isLossless?: boolean;
}

/**
 * Runs transforms to a fixed point and adds up their counts. A transform is left out of a round if
 * nothing has changed since it last changed nothing.
 */
export async function runToFixedPoint(
  model: Model,
  context: RunContext,
  transforms: readonly Transform[],
  { maxRounds, isLossless = false }: FixedPointOptions,
): Promise<TransformOutcome> {
  const counts: Record<string, number> = {};
  const settled = new Map<Transform, number>();
  let edits = 0;
  for (let round = 0; round < maxRounds; round++) {
    const before = edits;
    const known = isLossless ? inferPartialShapes(model.graph, model.opset) : undefined;
    for (const step of transforms) {
      context.signal?.throwIfAborted();
      if (settled.get(step) === edits) continue;
      const outcome =
        known && "runShaped" in step
          ? (step as ShapedTransform).runShaped(model, known)
          : await step.run(model, context);
      addCounts(counts, outcome.counts);
      if (outcome.modified) edits++;
      else settled.set(step, edits);
    }
    if (edits === before) break;
  }
  return { modified: edits > 0, counts };
}

/** Adds the counts of one outcome to a running total. */
export function addCounts(
  total: Record<string, number>,
  counts: TransformOutcome["counts"] = {},
): void {
  for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
}
