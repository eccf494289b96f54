import { elementCount, type Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import type { Parameter } from "./training-step.ts";

/** Places tensors one after another in a flat vector. */
export function layOut(
  tensors: readonly { readonly name: string; readonly dims: readonly number[] }[],
): readonly Parameter[] {
  let offset = 0;
  return tensors.map(({ name, dims }) => {
    const size = elementCount(dims);
    const parameter = { name, dims, offset, size };
    offset += size;
    return parameter;
  });
}

/** Elements of all parameters together. */
export function sizeOf(parameters: readonly Parameter[]): number {
  return parameters.reduce((sum, { size }) => sum + size, 0);
}

/** The tensors of a flat vector, in order. */
export function unpack(ops: Ops, flat: Value, parameters: readonly Parameter[]): readonly Value[] {
  const sizes = parameters.map(({ size }) => size);
  return ops
    .split(flat, sizes, 0)
    .map((piece, index) => ops.reshape(piece, parameters[index]?.dims ?? []));
}

/** The flat vector of tensors. */
export function pack(ops: Ops, values: readonly Value[]): Value {
  return ops.concat(
    values.map((value) => ops.reshape(value, [elementCount(ops.dims(value))])),
    0,
  );
}

/** [size of all] with a number for each parameter; a scalar if all are equal. */
export function numberPerParameter(
  ops: Ops,
  parameters: readonly Parameter[],
  numberOf: (parameter: Parameter) => number,
): Value {
  const runs: { number: number; size: number }[] = [];
  for (const parameter of parameters) {
    const number = numberOf(parameter);
    const last = runs.at(-1);
    if (last?.number === number) last.size += parameter.size;
    else runs.push({ number, size: parameter.size });
  }
  if (runs.length < 2) return ops.scalar(runs[0]?.number ?? 0);
  return ops.concat(
    runs.map(({ number, size }) => ops.expand(ops.scalar(number), [size])),
    0,
  );
}
