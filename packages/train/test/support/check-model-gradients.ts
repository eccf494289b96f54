import { cloneModel, createRandom, elementCount, type Model, Tensor } from "@ocrslim/graph";
import { createRuntime, float32Feed } from "@ocrslim/runtime";
import { evaluateModel, type ReferenceFeed, runModel } from "@ocrslim/test-utils";
import type { GradientRule } from "../../src/gradients/gradient-rule.ts";
import {
  type BuildGradientsOptions,
  type BuiltGradients,
  buildGradients,
} from "./build-gradients.ts";
import { defaultTargets } from "./check-gradients.ts";

/** Options of {@link checkModelGradients}. */
export interface CheckModelGradientsOptions {
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** Default: a sum of all outputs with random weights. */
  readonly loss?: BuildGradientsOptions["loss"];
  /** Names of initializers. Default: all floating ones but scalars and settings of Resize. */
  readonly wrt?: readonly string[];
  /** Random directions of all weights together. Default: 2. */
  readonly directions?: number;
  /** Whether to compute in double precision as well: slow, for small inputs. Default: true. */
  readonly exact?: boolean;
  /**
   * Moves all weights at random by this much of their size first, away from special places: where
   * biases are zero, a Relu behind a window of zeros stands at its kink. Default: 0.
   */
  readonly jitter?: number;
  readonly seed?: number;
  readonly rules?: ReadonlyMap<string, GradientRule>;
}

/** The greatest differences, each relative to the size that it was measured against. */
export interface ModelGradientErrors {
  /** Float64 gradients against float64 finite differences, along directions. */
  readonly exact: number | undefined;
  /** Float32 gradients on ONNX Runtime against float32 finite differences, along directions. */
  readonly float32: number;
  /** Float32 gradients against float64 ones, the worst tensor. */
  readonly rounding: number | undefined;
}

/** Steps relative to the size of each tensor: the error of a step grows with its square. */
const EXACT_STEPS = [1e-7, 1e-8, 1e-9];
/**
 * Each half of the one before, so that two give an extrapolation (Richardson). Large ones meet
 * curvature and kinks, small ones rounding; where they agree with the gradient first is enough, as
 * double precision tells the rest.
 */
const FLOAT32_STEPS: readonly number[] = Array.from({ length: 9 }, (_, i) => 8e-3 / 2 ** i);
/** Kinks that lie within the step shift the slope, so that smaller ones are tried as well. */
const EXACT_TOLERANCE = 1e-4;
const FLOAT32_TOLERANCE = 2e-2;
const ROUNDING_TOLERANCE = 1e-2;

/** Tensors that are looked at one by one to find what is wrong. */
const MOST_SINGLE = 24;

/** One value for each element of each weight. */
type Weights = ReadonlyMap<string, Float64Array>;

/**
 * Throws unless the gradients of a whole model with respect to its weights are right along random
 * directions: on ONNX Runtime in float32, and in double precision. If not, the message names the
 * tensors whose gradients are wrong.
 */
export async function checkModelGradients(
  model: Model,
  options: CheckModelGradientsOptions,
): Promise<ModelGradientErrors> {
  const { seed = 1, directions = 2 } = options;
  const { loss, rules, inputShapes } = options;
  const inputs = new Set(model.graph.inputs.map((value) => value.name));
  const wrt = options.wrt ?? defaultTargets(model).filter((name) => !inputs.has(name));
  const random = createRandom(seed + 1);
  const start = cloneModel(model);
  if (options.jitter)
    moveWeights(start, randomDirection(readWeights(start, wrt), random), options.jitter);
  const weights = readWeights(start, wrt);
  const forward = cloneModel(start);
  const backward = cloneModel(start);
  const build = (target: Model, names: readonly string[]): BuiltGradients =>
    buildGradients(target, {
      wrt: names,
      seed,
      inputShapes,
      ...(loss ? { loss } : {}),
      ...(rules ? { rules } : {}),
    });
  const { loss: lossName } = build(forward, []);
  const built = build(backward, wrt);
  const chosen = Array.from({ length: directions }, () => randomDirection(weights, random));
  const context: Context = { forward, backward, built, lossName, weights, inputShapes };
  const feeds = randomInputs(inputShapes, random);
  const exact = options.exact === false ? undefined : exactGradients(context, feeds);
  const exactError = exact && compareExact(context, feeds, exact, chosen);
  const single = await float32Gradients(context, feeds);
  return {
    exact: exactError,
    rounding: exact && compareRounding(exact, single),
    float32: await compareFloat32(context, feeds, single, chosen),
  };
}

function readWeights(model: Model, names: readonly string[]): Weights {
  return new Map(
    names.map((name) => {
      const tensor = model.graph.value(name)?.tensor;
      if (!tensor) throw new Error(`checkModelGradients: "${name}" is no initializer`);
      return [name, tensor.toNumbers()];
    }),
  );
}

/** Puts weights moved by `step` along a direction in place of a model's own. */
function moveWeights(model: Model, direction: Weights, step: number): void {
  for (const [name, own] of direction) {
    const value = model.graph.value(name);
    if (!value?.tensor) continue;
    const data = moveAlong(value.tensor.toNumbers(), own, step);
    value.tensor = Tensor.float32(value.tensor.dims, data);
  }
}

function moveAlong(start: Float64Array, direction: Float64Array, step: number): Float32Array {
  const moved = new Float32Array(start.length);
  for (let i = 0; i < moved.length; i++) {
    moved[i] = (start[i] as number) + step * (direction[i] as number);
  }
  return moved;
}

interface Context {
  readonly forward: Model;
  readonly backward: Model;
  readonly built: BuiltGradients;
  /** The loss in `forward`. */
  readonly lossName: string;
  readonly weights: Weights;
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
}

type Feeds = Readonly<Record<string, ReferenceFeed & { readonly data: Float64Array }>>;

function randomInputs(
  inputShapes: Readonly<Record<string, readonly number[]>>,
  random: () => number,
): Feeds {
  return Object.fromEntries(
    Object.entries(inputShapes).map(([name, dims]) => {
      const draw = (): number => Math.fround(2 * random() - 1);
      return [name, { dims, data: Float64Array.from({ length: elementCount(dims) }, draw) }];
    }),
  );
}

/** Uniform, in the size of each tensor; that of zeros is taken as a tenth. */
function randomDirection(weights: Weights, random: () => number): Weights {
  return new Map(
    [...weights].map(([name, values]) => {
      const size = Math.sqrt(dot(values, values) / Math.max(1, values.length)) || 0.1;
      return [name, values.map(() => size * (2 * random() - 1))];
    }),
  );
}

function exactGradients(context: Context, feeds: Feeds): Weights {
  const { backward, built, weights } = context;
  const results = evaluateModel(backward, feeds, { values: [...built.gradients.values()] });
  return collect(weights, built, (name) => results[name]?.data);
}

async function float32Gradients(context: Context, feeds: Feeds): Promise<Weights> {
  const { backward, built, weights } = context;
  const results = await runModel(backward, toFloat32(feeds));
  return collect(weights, built, (name) =>
    Float64Array.from((results[name]?.data ?? []) as Float32Array),
  );
}

/** Gradients by the name of the weight; zeros where the loss does not depend on it. */
function collect(
  weights: Weights,
  built: BuiltGradients,
  read: (output: string) => Float64Array | undefined,
): Weights {
  return new Map(
    [...weights].map(([name, values]) => {
      const output = built.gradients.get(name);
      return [name, (output && read(output)) || new Float64Array(values.length)];
    }),
  );
}

function toFloat32(feeds: Feeds): Parameters<typeof runModel>[1] {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { dims, data }]) => [
      name,
      float32Feed(dims, Float32Array.from(data)),
    ]),
  );
}

/** The slope along a direction, and the size that its terms would sum up to by chance. */
function slopeAlong(gradients: Weights, direction: Weights): { slope: number; scale: number } {
  let slope = 0;
  let squares = 0;
  for (const [name, gradient] of gradients) {
    const own = direction.get(name);
    if (!own) continue;
    gradient.forEach((value, index) => {
      const term = value * (own[index] ?? 0);
      slope += term;
      squares += term * term;
    });
  }
  return { slope, scale: Math.max(Math.abs(slope), Math.sqrt(squares)) };
}

function compareExact(
  context: Context,
  feeds: Feeds,
  gradients: Weights,
  directions: readonly Weights[],
): number {
  const { forward, lossName, weights } = context;
  const lossAt = (direction: Weights, t: number): number => {
    const moved = [...direction].map(([name, own]): [string, ReferenceFeed] => {
      const start = weights.get(name) ?? new Float64Array(0);
      const dims = forward.graph.value(name)?.tensor?.dims ?? [];
      return [name, { dims, data: start.map((value, index) => value + t * (own[index] ?? 0)) }];
    });
    const all = { ...feeds, ...Object.fromEntries(moved) };
    const result = evaluateModel(forward, all, { values: [lossName] });
    return result[lossName]?.data[0] ?? Number.NaN;
  };
  const measure = (direction: Weights): { error: number; text: string } => {
    const { slope, scale } = slopeAlong(gradients, direction);
    let best = { error: Number.POSITIVE_INFINITY, text: "" };
    for (const step of EXACT_STEPS) {
      const found = (lossAt(direction, step) - lossAt(direction, -step)) / (2 * step);
      const error = Math.abs(slope - found) / Math.max(scale, Math.abs(found), 1e-12);
      const text = `${slope}, finite differences give ${found}`;
      if (error < best.error) best = { error, text };
      if (error <= EXACT_TOLERANCE) break;
    }
    return best;
  };
  let worst = 0;
  for (const direction of directions) {
    const { scale } = slopeAlong(gradients, direction);
    const { error, text } = measure(direction);
    if (!(scale > 0)) throw new Error("checkModelGradients: all gradients are zero");
    worst = Math.max(worst, error);
    if (error <= EXACT_TOLERANCE) continue;
    const wrong = [...direction]
      .sort((a, b) => normOf(gradients, b[0]) - normOf(gradients, a[0]))
      .slice(0, MOST_SINGLE)
      .map((entry) => ({ name: entry[0], ...measure(new Map([entry])) }))
      .filter((single) => single.error > EXACT_TOLERANCE)
      .sort((a, b) => b.error - a.error)
      .slice(0, 8)
      .map((single) => `"${single.name}": ${single.text}`);
    throw new Error(
      `checkModelGradients: in double precision the slope along a random direction is ${text} (relative ${error}); wrong for ${wrong.join("; ") || "no single tensor"}`,
    );
  }
  return worst;
}

async function compareFloat32(
  context: Context,
  feeds: Feeds,
  gradients: Weights,
  directions: readonly Weights[],
): Promise<number> {
  const { lossName, weights } = context;
  const { model, inputs } = feedWeights(context);
  await using session = await createRuntime({ threads: 1 }).load(model);
  const lossAt = async (direction: Weights, t: number): Promise<number> => {
    const moved = [...weights].map(([name, start]) => {
      const own = direction.get(name);
      const data = own ? moveAlong(start, own, t) : Float32Array.from(start);
      const { name: input = name, dims = [] } = inputs.get(name) ?? {};
      return [input, float32Feed(dims, data)] as const;
    });
    const results = await session.run({ ...toFloat32(feeds), ...Object.fromEntries(moved) });
    return Number(results[lossName]?.data[0]);
  };
  let worst = 0;
  for (const direction of directions) {
    const { slope, scale } = slopeAlong(gradients, direction);
    const slopes: number[] = [];
    let best = Number.POSITIVE_INFINITY;
    for (const step of FLOAT32_STEPS) {
      const narrow =
        ((await lossAt(direction, step)) - (await lossAt(direction, -step))) / (2 * step);
      const wide = slopes.at(-1) ?? narrow;
      slopes.push(narrow);
      for (const found of [narrow, (4 * narrow - wide) / 3]) {
        best = Math.min(best, Math.abs(slope - found) / Math.max(scale, Math.abs(found)));
      }
      if (best <= FLOAT32_TOLERANCE) break;
    }
    worst = Math.max(worst, best);
    if (best <= FLOAT32_TOLERANCE) continue;
    throw new Error(
      `checkModelGradients: on ONNX Runtime the slope along a random direction is ${slope}; finite differences give ${slopes.join(", ")} for steps of ${FLOAT32_STEPS.join(", ")} (relative ${best})`,
    );
  }
  return worst;
}

/** The forward model with its weights as inputs, so that one session serves all steps. */
function feedWeights({ forward, weights }: Context): {
  readonly model: Model;
  readonly inputs: ReadonlyMap<string, { readonly name: string; readonly dims: readonly number[] }>;
} {
  const model = cloneModel(forward);
  const { graph } = model;
  const inputs = new Map<string, { name: string; dims: readonly number[] }>();
  for (const name of weights.keys()) {
    const value = graph.value(name);
    const dims = value?.tensor?.dims;
    if (!value || !dims) continue;
    const input = graph.addInput(graph.uniqueName(`fed_${name}`), {
      kind: "tensor",
      dtype: "float32",
      shape: dims,
    });
    value.replaceAllUsesWith(input);
    inputs.set(name, { name: input.name, dims });
  }
  return { model, inputs };
}

function compareRounding(exact: Weights, single: Weights): number {
  const norms = [...exact.values()].map((gradient) => Math.sqrt(dot(gradient, gradient)));
  const most = Math.max(...norms);
  let worst = 0;
  for (const [name, expected] of exact) {
    const actual = single.get(name) ?? new Float64Array(0);
    const apart = expected.map((value, index) => value - (actual[index] ?? Number.NaN));
    const size = Math.sqrt(dot(expected, expected)) + ROUNDING_TOLERANCE * most;
    const error = Math.sqrt(dot(apart, apart)) / size;
    worst = Math.max(worst, error);
    if (error <= ROUNDING_TOLERANCE) continue;
    throw new Error(
      `checkModelGradients: the gradient of "${name}" in float32 on ONNX Runtime is ${error} (relative) from that in double precision`,
    );
  }
  return worst;
}

function normOf(gradients: Weights, name: string): number {
  const gradient = gradients.get(name) ?? new Float64Array(0);
  return dot(gradient, gradient);
}

function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0;
  left.forEach((value, index) => {
    sum += value * (right[index] ?? 0);
  });
  return sum;
}
