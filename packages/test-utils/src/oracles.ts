import { createRandom, type Model } from "@ocrslim/graph";
import {
  captureValues,
  createRuntime,
  type Feeds,
  type Runtime,
  type RuntimeTensor,
  randomFeeds,
} from "@ocrslim/runtime";

/** How far numbers may be apart: |actual − expected| ≤ atol + rtol · |expected|. */
export interface Tolerance {
  /** Default: 1e-5. */
  readonly atol?: number;
  /** Default: 1e-4. */
  readonly rtol?: number;
}

/** What {@link expectClose} compares: anything with dims and numbers. */
export interface NumbersLike {
  readonly dims: readonly number[];
  readonly data: RuntimeTensor["data"];
}

/** Throws unless dims are equal and every number is close; tells the worst place. */
export function expectClose(
  actual: NumbersLike,
  expected: NumbersLike,
  tolerance: Tolerance = {},
  what = "tensors",
): void {
  const { atol = 1e-5, rtol = 1e-4 } = tolerance;
  if (
    actual.dims.length !== expected.dims.length ||
    actual.dims.some((dim, axis) => dim !== expected.dims[axis])
  ) {
    throw new Error(`${what}: dims are [${actual.dims}], expected [${expected.dims}]`);
  }
  let worst = -1;
  let worstExcess = 0;
  let bad = 0;
  for (let index = 0; index < expected.data.length; index++) {
    const a = Number(actual.data[index]);
    const e = Number(expected.data[index]);
    if (Object.is(a, e)) continue;
    const excess = Math.abs(a - e) - (atol + rtol * Math.abs(e));
    if (excess <= 0) continue;
    bad++;
    // NaN compares to nothing, so it is written as the worst there is.
    const rank = Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess;
    if (rank > worstExcess) {
      worstExcess = rank;
      worst = index;
    }
  }
  if (worst < 0) return;
  throw new Error(
    `${what}: ${bad} of ${expected.data.length} numbers differ; worst at ${worst}: ` +
      `${actual.data[worst]}, expected ${expected.data[worst]} (atol ${atol}, rtol ${rtol})`,
  );
}

/** One runtime for all oracles: a single thread, so that sums always go in the same order. */
const oracleRuntime: Runtime = createRuntime({ threads: 1 });

/** The outputs of a model, by name, on ONNX Runtime. */
export async function runModel(
  model: Model | Uint8Array | string,
  feeds: Feeds,
): Promise<Readonly<Record<string, RuntimeTensor>>> {
  const session = await oracleRuntime.load(model);
  try {
    return await session.run(feeds);
  } finally {
    await session.dispose();
  }
}

/** Options of {@link expectSameOutputs}. */
export interface SameOutputsOptions extends Tolerance {
  /** Dims of the inputs that have no fixed shape, by name. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** One run with random feeds for each. Default: 1 and 2. */
  readonly seeds?: readonly number[];
  /** What to run instead of random feeds. */
  readonly feeds?: readonly Feeds[];
  /**
   * Inner values to compare as well, such as what enters a last Sigmoid: both models must have them.
   * Default: none.
   */
  readonly values?: readonly string[];
}

/**
 * Throws unless both models have the same outputs, in the same order, with close numbers, for random
 * feeds or those given.
 */
export async function expectSameOutputs(
  actual: Model,
  expected: Model,
  options: SameOutputsOptions = {},
): Promise<void> {
  const namesOf = (model: Model): readonly string[] =>
    model.graph.outputs.map((value) => value.name);
  const names = namesOf(expected);
  if (namesOf(actual).join() !== names.join()) {
    throw new Error(`outputs are ${namesOf(actual)}, expected ${names}`);
  }
  const { seeds = [1, 2], inputShapes = {} } = options;
  const feeds =
    options.feeds ?? seeds.map((seed) => randomFeeds(expected, inputShapes, createRandom(seed)));
  const values = [...names, ...(options.values ?? [])];
  const wanted: Readonly<Record<string, RuntimeTensor>>[] = [];
  await captureValues(oracleRuntime, expected, {
    values,
    feeds,
    onValues: (tensors) => {
      wanted.push(tensors);
    },
  });
  await captureValues(oracleRuntime, actual, {
    values,
    feeds,
    onValues: (tensors, run) => {
      for (const [name, tensor] of Object.entries(wanted[run] ?? {})) {
        const result = tensors[name];
        if (!result) throw new Error(`value "${name}" is missing`);
        expectClose(result, tensor, options, `value "${name}", run ${run + 1}`);
      }
    },
  });
}
