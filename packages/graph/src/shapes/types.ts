import type { Issue } from "../check/issue.ts";
import type { DataType } from "../ir/data-type.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Value } from "../ir/value.ts";

/** What is known of a model's values at given input shapes. The model itself is not changed. */
export interface ShapeInference {
  /** Dims of a value, all of them known; `undefined` if they could not be inferred. */
  shapeOf(value: Value): readonly number[] | undefined;
  dtypeOf(value: Value): DataType | undefined;
  /** The constant that a value is known to hold: an initializer's, or one computed from shapes. */
  constantOf(value: Value): Tensor | undefined;
  /** Input shapes used, by input name. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** Operators without a rule, shapes that contradict, and the like. */
  readonly issues: readonly Issue[];
}
