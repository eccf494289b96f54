import { createRandom, Tensor, type Value } from "@ocrslim/graph";
import { createRuntime, tensorToFeed } from "@ocrslim/runtime";
import { createEmptyOps } from "../../src/ops/ops.ts";
import type { Optimizer } from "../../src/optimizers/optimizer.ts";

const runtime = createRuntime({ threads: 1 });
/** Parameters of the quadratic. */
export const SIZE = 6;

/** ½ pᵀAp − bᵀp with a random positive definite A; gives the gradient Ap − b. */
export function randomQuadratic(seed: number): (parameters: readonly number[]) => number[] {
  const random = createRandom(seed);
  const square = Array.from({ length: SIZE }, () =>
    Array.from({ length: SIZE }, () => 2 * random() - 1),
  );
  const b = Array.from({ length: SIZE }, () => 4 * random() - 2);
  const rows = square.map((left, i) =>
    square.map(
      (right, j) =>
        left.reduce((sum, value, k) => sum + (value * (right[k] ?? 0)) / SIZE, 0) +
        (i === j ? 0.1 : 0),
    ),
  );
  return (parameters) =>
    rows.map((row, i) => row.reduce((sum, a, j) => sum + a * (parameters[j] ?? 0), -(b[i] ?? 0)));
}

/** Settings of a descent; a vector of rates or decays is one per parameter. */
export interface DescentOptions {
  readonly learningRate: number | readonly number[];
  /** Default: the optimizer's. */
  readonly weightDecay?: number | readonly number[];
  readonly steps: number;
  readonly seed: number;
}

/** Where each descent starts. */
export function startingPoint(seed: number): number[] {
  const random = createRandom(seed + 1);
  return Array.from({ length: SIZE }, () => Math.fround(4 * random() - 2));
}

/** Parameters after the last step, by the optimizer's graph on ONNX Runtime. */
export async function descend(
  optimizer: Optimizer,
  options: DescentOptions,
): Promise<readonly number[]> {
  const { model, ops } = createEmptyOps("update");
  const given = (name: string, setting: number | readonly number[]): Value =>
    typeof setting === "number"
      ? ops.scalar(setting)
      : ops.constant(Tensor.float32([SIZE], setting), name);
  const parameters = ops.input("parameters", [SIZE]);
  const gradient = ops.input("gradient", [SIZE]);
  const update = ops.input("update", []);
  const slots = optimizer.slots.map((slot) => ops.input(slot, [SIZE]));
  const result = optimizer.update({
    ops,
    parameters,
    gradient,
    slots,
    learningRate: given("rate", options.learningRate),
    weightDecay: given("decay", options.weightDecay ?? optimizer.weightDecay),
    update,
  });
  const outputs = [result.parameters, ...result.slots].map((value) =>
    ops.node("Identity", [value]),
  );
  model.graph.setOutputs(outputs);
  const gradientOf = randomQuadratic(options.seed);
  let state = [startingPoint(options.seed), ...slots.map(() => new Array<number>(SIZE).fill(0))];
  await using session = await runtime.load(model);
  for (let step = 1; step <= options.steps; step++) {
    const vectors = [...state, gradientOf(state[0] ?? [])];
    const names = ["parameters", ...optimizer.slots, "gradient"];
    const feeds = Object.fromEntries(
      names.map((name, index) => [
        name,
        tensorToFeed(Tensor.float32([SIZE], vectors[index] ?? [])),
      ]),
    );
    feeds["update"] = tensorToFeed(Tensor.float32([], [step]));
    const results = await session.run(feeds);
    state = outputs.map(({ name }) => Array.from(results[name]?.data as Float32Array));
  }
  return state[0] ?? [];
}
