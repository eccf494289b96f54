import { int, type Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import type { Ops } from "../ops/ops.ts";
import type { Loss } from "./loss.ts";
import { meanSquaredError } from "./mean-squared-error.ts";

/** A feature map of the student and the one that it should resemble. */
export interface FeaturePair {
  /** Name of a value of the student, [N, C, …]. */
  readonly student: string;
  /** Name of the teacher's value in the joined model, such as `teacher/conv5`. */
  readonly teacher: string;
  /** The teacher's channels that the student kept, C of them. Default: all. */
  readonly channels?: readonly number[];
}

/** Options of {@link featureDistillation}. */
export interface FeatureDistillationOptions {
  readonly pairs: readonly FeaturePair[];
}

/** Keeps the division finite where the teacher's features are all 0. */
const EPSILON = 1e-8;

/**
 * Makes inner feature maps those of a teacher that stands in the same graph (`joinModels`). A pruned
 * student kept some of its teacher's channels, and a plan says which: they are compared one to one,
 * and no adapter is needed, unlike in FitNets (Romero et al. 2015, equation 3).
 *
 *   mean over pairs of  mean (s − t)² / mean t²
 *
 * 1 means that the student gives nothing, whatever the scale of the features. Reports `features`.
 * @throws TrainError `invalid-option` if there are no pairs; `invalid-loss` if dims do not fit.
 */
export function featureDistillation({ pairs }: FeatureDistillationOptions): Loss {
  if (pairs.length === 0) {
    throw new TrainError(
      "invalid-option",
      "featureDistillation: there are no pairs; name some values",
    );
  }
  return ({ ops, value, report }) => {
    const parts = pairs.map((pair) => {
      const student = value(pair.student);
      const teacher = keepChannels(ops, value(pair.teacher), pair);
      const scale = ops.add(ops.mean(ops.square(teacher)), EPSILON);
      return ops.div(meanSquaredError(ops, student, teacher), scale);
    });
    const total = ops.mul(ops.node("Sum", parts), 1 / parts.length);
    report("features", total);
    return total;
  };
}

function keepChannels(ops: Ops, features: Value, { channels, teacher }: FeaturePair): Value {
  if (!channels) return features;
  const width = ops.dims(features)[1] ?? 0;
  const wrong = channels.find(
    (index) => !Number.isSafeInteger(index) || index < 0 || index >= width,
  );
  if (wrong !== undefined) {
    throw new TrainError(
      "invalid-loss",
      `featureDistillation: channel ${wrong} of "${teacher}" is not one of its ${width}; take them from the plan that the student was pruned by`,
      { value: teacher },
    );
  }
  return ops.node("Gather", [features, ops.ints(channels)], { axis: int(1) });
}
