import { GraphError } from "../errors.ts";
import { tensorAttribute } from "./attribute.ts";
import type { Tensor } from "./tensor.ts";
import type { Value } from "./value.ts";

/**
 * The tensor that a value holds whatever the inputs are: an initializer's, or that of a Constant
 * node.
 */
export function constantTensor(value: Value): Tensor | undefined {
  if (value.tensor) return value.tensor;
  const { producer } = value;
  if (producer?.opType !== "Constant" || producer.domain !== "") return undefined;
  const attribute = producer.attribute("value");
  return attribute?.type === "tensor" ? attribute.value : undefined;
}

/** Replaces the tensor of a constant, for all its readers. */
export function setConstantTensor(value: Value, tensor: Tensor): void {
  if (value.tensor) value.tensor = tensor;
  else if (value.producer?.opType === "Constant") {
    value.producer.setAttribute("value", tensorAttribute(tensor));
  } else {
    throw new GraphError(
      "invalid-edit",
      `setConstantTensor: "${value.name}" is not a constant; only initializers and Constant nodes have a tensor to replace`,
      { value: value.name },
    );
  }
}
