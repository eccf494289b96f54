import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";

/** Makes a value an output of that name, last in order; a value of the model that has the name gets another. */
export function addOutput(ops: Ops, value: Value, name: string): void {
  const { graph } = ops;
  const isFree = value.producer !== undefined && !value.isGraphOutput;
  const output = isFree ? value : ops.node("Identity", [value]);
  const taken = graph.value(name);
  if (taken && taken !== output) taken.name = graph.uniqueName(`${name}_of_model`);
  output.name = name;
  output.type = { kind: "tensor", dtype: ops.dtype(output), shape: ops.dims(output) };
  graph.setOutputs([...graph.outputs, output]);
}
