import { createRandom, elementCount, Tensor, type Value } from "@ocrslim/graph";
import { createRuntime, tensorToFeed } from "@ocrslim/runtime";
import { expect } from "vitest";
import { backpropagate } from "../../src/gradients/backpropagate.ts";
import { createEmptyOps, type Ops } from "../../src/ops/ops.ts";

const runtime = createRuntime({ threads: 1 });
const STEP = 1e-5;

/** A loss in the graph, and the plain definition of it. */
export interface LossCheck {
  /** Operands by name. */
  readonly inputs: Readonly<Record<string, LossInput>>;
  /** Is given the operands in their order. */
  build(ops: Ops, ...operands: Value[]): Value;
  /** In double precision, from the elements of the operands. */
  define(data: Readonly<Record<string, Float64Array>>): number;
  /** What to differentiate with respect to. Default: the first input. */
  readonly wrt?: readonly string[];
  /** Of the value and of each gradient, relative to the greatest of its kind. Default: 1e-5. */
  readonly tolerance?: number;
}

/** Dims and elements of an operand. */
export interface LossInput {
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

/** What a loss and its gradients are on ONNX Runtime. */
export interface LossResult {
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

/** Elements that float32 holds exactly, from a function of a random number from 0 to 1. */
export function drawn(
  dims: readonly number[],
  seed: number,
  of: (uniform: number, index: number) => number = (uniform) => uniform,
): LossInput {
  const random = createRandom(seed);
  return {
    dims,
    data: Float64Array.from({ length: elementCount(dims) }, (_, i) => Math.fround(of(random(), i))),
  };
}

/** Runs a loss and its gradients. */
export async function runLoss(
  check: Pick<LossCheck, "inputs" | "build" | "wrt">,
): Promise<LossResult> {
  const { model, ops } = createEmptyOps("loss");
  const names = Object.keys(check.inputs);
  const operands = names.map((name) => ops.input(name, check.inputs[name]?.dims ?? []));
  const loss = check.build(ops, ...operands);
  expect(ops.dims(loss)).toEqual([]);
  const wrt = check.wrt ?? names.slice(0, 1);
  const targets = operands.filter(({ name }) => wrt.includes(name));
  const found = backpropagate(ops, { loss, wrt: targets });
  const outputs = [loss, ...targets.map((target) => found.get(target) ?? loss)].map((value) =>
    ops.node("Identity", [value]),
  );
  model.graph.setOutputs(outputs);
  await using session = await runtime.load(model);
  const results = await session.run(
    Object.fromEntries(
      Object.entries(check.inputs).map(([name, { dims, data }]) => [
        name,
        tensorToFeed(Tensor.float32(dims, [...data])),
      ]),
    ),
  );
  const numbers = outputs.map(({ name }) =>
    Array.from((results[name]?.data ?? []) as ArrayLike<number>, Number),
  );
  return {
    loss: numbers[0]?.[0] ?? Number.NaN,
    gradients: Object.fromEntries(wrt.map((name, index) => [name, numbers[index + 1] ?? []])),
  };
}

/** Throws unless value and gradients are those of the definition, by central differences. */
export async function checkLoss(check: LossCheck): Promise<LossResult> {
  const { inputs, define, tolerance = 1e-5 } = check;
  const result = await runLoss(check);
  const data = Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [name, input.data]),
  );
  const value = define(data);
  expect(Math.abs(result.loss - value)).toBeLessThanOrEqual(
    tolerance * Math.max(1, Math.abs(value)),
  );
  for (const [name, gradient] of Object.entries(result.gradients)) {
    const start = data[name] ?? new Float64Array(0);
    expect(gradient.length).toBe(start.length);
    const slopes = [...start].map((center, index) => {
      const at = (offset: number): number => {
        const moved = start.slice();
        moved[index] = center + offset;
        return define({ ...data, [name]: moved });
      };
      return (at(STEP) - at(-STEP)) / (2 * STEP);
    });
    const most = Math.max(...slopes.map(Math.abs));
    expect(most).toBeGreaterThan(0);
    slopes.forEach((slope, index) => {
      const gap = Math.abs((gradient[index] ?? Number.NaN) - slope);
      // Not toBeCloseTo: gradients of a mean are small.
      expect(gap, `${name}[${index}]: ${gradient[index]} for ${slope}`).toBeLessThanOrEqual(
        tolerance * most + 1e-10,
      );
    });
  }
  return result;
}

/** Sum over elements. */
export function total(length: number, of: (index: number) => number): number {
  let sum = 0;
  for (let index = 0; index < length; index++) sum += of(index);
  return sum;
}

/** An element that is known to be there. */
export function at(data: Float64Array | undefined, index: number): number {
  const value = data?.[index];
  if (value === undefined) throw new Error(`no element ${index}`);
  return value;
}
