import { type AttributeContent, Tensor, type Value } from "@ocrslim/graph";
import { createRuntime, tensorToFeed } from "@ocrslim/runtime";
import { backpropagate } from "../../../src/gradients/backpropagate.ts";
import { createEmptyOps, type Ops } from "../../../src/ops/ops.ts";

const runtime = createRuntime({ threads: 1 });

/** Operands by name, each a vector, and the operator that reads them in this order. */
export interface DerivativeInit {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly opType?: string;
  readonly attributes?: Readonly<Record<string, AttributeContent>>;
  /** In place of `opType`. */
  readonly build?: (ops: Ops, ...inputs: Value[]) => Value;
}

/**
 * Gradients of the sum of the output with respect to each input, on ONNX Runtime: what finite
 * differences cannot tell at kinks.
 */
export async function derivativesAt(
  init: DerivativeInit,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const { model, ops } = createEmptyOps("derivatives");
  const { opType = "Identity", attributes } = init;
  const inputs = Object.entries(init.inputs).map(([name, data]) => ops.input(name, [data.length]));
  const output = init.build?.(ops, ...inputs) ?? ops.node(opType, inputs, attributes);
  const gradients = backpropagate(ops, { loss: ops.sum(output), wrt: inputs });
  const named = inputs.map((input) => gradients.get(input) ?? input);
  model.graph.setOutputs(named);
  await using session = await runtime.load(model);
  const feeds = Object.entries(init.inputs).map(
    ([name, data]) => [name, tensorToFeed(Tensor.float32([data.length], data))] as const,
  );
  const results = await session.run(Object.fromEntries(feeds));
  return Object.fromEntries(
    inputs.map((input, index) => [
      input.name,
      [...(results[named[index]?.name ?? ""]?.data ?? [])].map(Number),
    ]),
  );
}
