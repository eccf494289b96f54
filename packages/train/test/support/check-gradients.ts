import { createRandom, elementCount, type Model, type Value } from "@ocrslim/graph";
import { float32Feed } from "@ocrslim/runtime";
import {
  createTestModel,
  evaluateModel,
  type NumbersLike,
  type ReferenceFeed,
  type ReferenceKernel,
  runModel,
  type TestModelInit,
} from "@ocrslim/test-utils";
import type { GradientRule } from "../../src/gradients/gradient-rule.ts";
import { buildGradients } from "./build-gradients.ts";
import { differentiate } from "./finite-difference.ts";

/** Options of {@link checkGradients}. */
export interface CheckGradientsOptions {
  /**
   * Names of what is differentiated with respect to. Default: all inputs, and all floating
   * initializers but scalars and those that set the shape of a Resize.
   */
  readonly wrt?: readonly string[];
  /** Inputs are uniform in this range. Default: [−2, 2]. */
  readonly range?: readonly [number, number];
  /** Elements of inputs, by name, in place of random ones. */
  readonly data?: Readonly<Record<string, readonly number[]>>;
  /** Float64 gradients may be this far from finite differences. Default: 1e-6, relative. */
  readonly rtol?: number;
  /** Default: 1e-7, absolute. */
  readonly atol?: number;
  /** Elements of each tensor that are moved. Default: 12. */
  readonly elements?: number;
  /** Gradient rules that are added or win. */
  readonly rules?: ReadonlyMap<string, GradientRule>;
  /** Kernels of the reference evaluator that are added or win. */
  readonly kernels?: ReadonlyMap<string, ReferenceKernel>;
}

const STEP = 1e-5;
/** Of points that may lie at a kink. */
const MOST_SKIPPED = 0.3;
const DIRECTIONS = 5;
/** Float32 results on ONNX Runtime: relative to the element, and to the greatest element. */
const FLOAT32_RTOL = 1e-3;
const FLOAT32_SCALE = 1e-4;

type Feeds = Readonly<Record<string, ReferenceFeed>>;

/**
 * Throws unless the gradients of a model, by the rules, are right: in double precision against
 * finite differences (single elements of each tensor, and along a random direction of all), and in
 * float32 on ONNX Runtime against double precision. The loss is a sum of all outputs with random
 * weights. Points at a kink are left out, and told apart without looking at the gradient.
 */
export async function checkGradients(
  init: TestModelInit,
  options: CheckGradientsOptions = {},
): Promise<void> {
  const seed = init.seed ?? 1;
  const model = createTestModel({ ...init, opset: init.opset ?? 18 });
  const wrt = options.wrt ?? defaultTargets(model);
  const outputs = model.graph.outputs.map((value) => value.name);
  const { rules, kernels } = options;
  const feeds = randomInputs(init, options, createRandom(seed + 1000));
  const built = buildGradients(model, { wrt, seed: seed + 2000, ...(rules ? { rules } : {}) });
  const evaluate = (own: Feeds, values: readonly string[]): ReturnType<typeof evaluateModel> =>
    evaluateModel(model, { ...feeds, ...own }, { values, ...(kernels ? { kernels } : {}) });

  const names = [...outputs, built.loss, ...built.gradients.values()];
  const exact = evaluate({}, names);
  compareDifferences({
    model,
    wrt,
    options,
    feeds,
    random: createRandom(seed + 3000),
    loss: (own) => evaluate(own, [built.loss])[built.loss]?.data[0] ?? Number.NaN,
    gradient: (name) => exact[built.gradients.get(name) ?? ""]?.data,
  });
  model.graph.setOutputs(names.flatMap((name) => model.graph.value(name) ?? []));
  await compareFloat32(model, init, feeds, exact);
}

/** All inputs, and the initializers that are numbers rather than settings. */
export function defaultTargets(model: Model): readonly string[] {
  const { graph } = model;
  const isFloat = (value: Value): boolean =>
    value.type?.kind === "tensor" && value.type.dtype === "float32";
  const weights = graph.initializers.filter(
    (value) => value.tensor?.dtype === "float32" && value.tensor.dims.length > 0 && !isShape(value),
  );
  return [...graph.inputs.filter(isFloat), ...weights].map((value) => value.name);
}

function isShape(value: Value): boolean {
  return value.uses.every(
    ({ node, index }) =>
      (node.opType === "Resize" && index > 0) || (node.opType === "Upsample" && index > 0),
  );
}

/** Elements that float32 holds exactly. */
function randomInputs(
  init: TestModelInit,
  { range = [-2, 2], data }: CheckGradientsOptions,
  random: () => number,
): Feeds {
  const [low, high] = range;
  return Object.fromEntries(
    Object.entries(init.inputs).map(([name, dims]) => {
      const count = elementCount(dims);
      const drawn = Array.from({ length: count }, () => low + random() * (high - low));
      const given = data?.[name] ?? drawn;
      return [name, { dims, data: Float64Array.from(given, Math.fround) }];
    }),
  );
}

interface Comparison {
  readonly model: Model;
  readonly wrt: readonly string[];
  readonly options: CheckGradientsOptions;
  readonly feeds: Feeds;
  readonly random: () => number;
  readonly loss: (feeds: Feeds) => number;
  /** `undefined`: the loss does not depend on it. */
  readonly gradient: (name: string) => Float64Array | undefined;
}

function compareDifferences(comparison: Comparison): void {
  const { model, wrt, options, feeds, random, loss, gradient } = comparison;
  const { rtol = 1e-6, atol = 1e-7, elements = 12 } = options;
  const center = loss({});
  const starts = wrt.map((name) => startOf(model, feeds, name));
  const kinks = wrt.map(() => new Set<number>());
  let checked = 0;
  let skipped = 0;
  /** Whether the point was smooth enough to tell. */
  const check = (what: string, analytic: number, move: (t: number) => Feeds): boolean => {
    const { slope, doubt } = differentiate((t) => loss(move(t)), center, STEP);
    const tolerance = atol + rtol * Math.max(Math.abs(analytic), Math.abs(slope));
    if (doubt > tolerance) return false;
    if (Math.abs(analytic - slope) <= tolerance) return true;
    throw new Error(
      `checkGradients: the gradient along ${what} is ${analytic}, finite differences give ${slope} (apart ${Math.abs(analytic - slope)}, allowed ${tolerance})`,
    );
  };
  wrt.forEach((name, index) => {
    const start = starts[index];
    if (!start) return;
    for (const at of chooseElements(start.data.length, elements, random)) {
      const isSmooth = check(`${name}[${at}]`, gradient(name)?.[at] ?? 0, (t) => {
        const data = start.data.slice();
        data[at] = (data[at] ?? 0) + t;
        return { [name]: { dims: start.dims, data } };
      });
      if (isSmooth) checked++;
      else {
        skipped++;
        kinks[index]?.add(at);
      }
    }
  });
  if (checked === 0 || skipped > MOST_SKIPPED * (checked + skipped)) {
    throw new Error(
      `checkGradients: ${skipped} of ${checked + skipped} points lie at a kink, or the function bends too much there; choose inputs (range, data) away from kinks`,
    );
  }
  for (let attempt = 0; attempt < DIRECTIONS; attempt++) {
    // Fewer elements move with each attempt, and never those known to lie at a kink.
    const directions = starts.map(({ data }, index) =>
      data.map((_, at) =>
        kinks[index]?.has(at) || random() > 0.5 ** attempt ? 0 : 2 * random() - 1,
      ),
    );
    const analytic = wrt.reduce(
      (total, name, index) => total + dot(gradient(name), directions[index]),
      0,
    );
    const isSmooth = check("a random direction", analytic, (t) =>
      Object.fromEntries(
        wrt.map((name, index) => {
          const { dims = [], data = new Float64Array(0) } = starts[index] ?? {};
          const moved = data.map((value, at) => value + t * (directions[index]?.[at] ?? 0));
          return [name, { dims, data: moved }];
        }),
      ),
    );
    if (isSmooth) return;
  }
  throw new Error(
    `checkGradients: ${DIRECTIONS} random directions all meet kinks; see range, data`,
  );
}

function startOf(
  model: Model,
  feeds: Feeds,
  name: string,
): { readonly dims: readonly number[]; readonly data: Float64Array } {
  const fed = feeds[name];
  if (fed) return { dims: fed.dims, data: Float64Array.from(fed.data, Number) };
  const tensor = model.graph.value(name)?.tensor;
  if (!tensor) throw new Error(`checkGradients: "${name}" is no input and no initializer`);
  return { dims: tensor.dims, data: tensor.toNumbers() };
}

function chooseElements(size: number, count: number, random: () => number): readonly number[] {
  const all = Array.from({ length: size }, (_, index) => index);
  if (size <= count) return all;
  for (let i = 0; i < count; i++) {
    const other = i + Math.floor(random() * (size - i));
    [all[i], all[other]] = [all[other] ?? 0, all[i] ?? 0];
  }
  return all.slice(0, count);
}

function dot(left: Float64Array | undefined, right: Float64Array | undefined): number {
  let sum = 0;
  left?.forEach((value, index) => {
    sum += value * (right?.[index] ?? 0);
  });
  return sum;
}

async function compareFloat32(
  model: Model,
  init: TestModelInit,
  feeds: Feeds,
  exact: Readonly<Record<string, NumbersLike>>,
): Promise<void> {
  const results = await runModel(
    model,
    Object.fromEntries(
      Object.entries(init.inputs).map(([name, dims]) => [
        name,
        float32Feed(dims, Float32Array.from(feeds[name]?.data ?? [], Number)),
      ]),
    ),
  );
  for (const [name, expected] of Object.entries(exact)) {
    const actual = results[name];
    if (!actual) throw new Error(`checkGradients: ONNX Runtime gives no "${name}"`);
    assertNear(actual, expected, model.graph.value(name));
  }
}

function assertNear(actual: NumbersLike, expected: NumbersLike, value: Value | undefined): void {
  const what = `"${value?.name}" (${value?.producer?.describe()})`;
  if (actual.dims.join() !== expected.dims.join()) {
    throw new Error(`checkGradients: ${what}: [${actual.dims}], expected [${expected.dims}]`);
  }
  const numbers = Array.from(expected.data as ArrayLike<unknown>, Number);
  const most = numbers.reduce((best, number) => Math.max(best, Math.abs(number)), 0);
  numbers.forEach((number, index) => {
    const got = Number(actual.data[index]);
    const allowed = 1e-6 + FLOAT32_RTOL * Math.abs(number) + FLOAT32_SCALE * most;
    if (Math.abs(got - number) <= allowed || Object.is(got, number)) return;
    throw new Error(
      `checkGradients: ${what}: element ${index} is ${got} on ONNX Runtime in float32, ${number} in double precision`,
    );
  });
}
