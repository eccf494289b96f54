import type { DataType, Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";

/** What a {@link Loss} is built from. */
export interface LossContext {
  readonly ops: Ops;
  /** An output of the model; default: its first one. @throws TrainError `invalid-loss` if absent. */
  output(name?: string): Value;
  /** Names of the model's outputs, in order. */
  readonly outputs: readonly string[];
  /** Any value of the model by name, such as a feature map. */
  value(name: string): Value;
  /**
   * A target: an input that each batch must bring, of fixed dims. Asked for twice by one name, it is
   * the same value. Default dtype: float32.
   */
  target(name: string, dims: readonly number[], dtype?: DataType): Value;
  /** Reports a scalar beside the loss, such as one of its terms, after each step. */
  report(name: string, value: Value): void;
}

/**
 * Builds a scalar out of the model's outputs and targets, with standard operators only; it is a part
 * of the training graph. Write your own in the same way:
 * `({ ops, output, target }) => ops.mean(ops.square(ops.sub(output(), target("y", [1, 8]))))`.
 */
export type Loss = (context: LossContext) => Value;
