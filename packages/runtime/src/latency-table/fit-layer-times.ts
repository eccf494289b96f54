import type { LayerTimes } from "./latency-table.ts";

const MOST_SWEEPS = 2000;

/** Change of the fit in one sweep, relative to the times, at which it has converged. */
const TOLERANCE = 1e-6;

/** @internal One measured time of a layer. */
export interface LayerSample {
  readonly inputs: number;
  readonly outputs: number;
  readonly ms: number;
}

/**
 * @internal Puts samples of one signature on a grid of all widths that occur. Pairs that were not
 * measured come from time = a + b·Bi + c·Bo + d·Bi·Bo (Bi, Bo: blocks of input and output channels;
 * no coefficient below 0; least squares of relative errors), times what the neighbours that were
 * measured have over it.
 * @param follows Whether the outputs are given by the inputs.
 */
export function fitLayerTimes(
  signature: string,
  samples: readonly LayerSample[],
  multiple: number,
  follows: boolean,
): LayerTimes {
  const inputs = distinct(samples.map((sample) => sample.inputs));
  const outputs = follows ? [] : distinct(samples.map((sample) => sample.outputs));
  const points = averageRepeats(samples, follows);
  let fitted: Predict | undefined;
  const predict: Predict = (input, output) => {
    fitted ??= fitBlocks(points, multiple);
    return fitted(input, output);
  };
  const columns = follows ? [0] : outputs;
  const times = inputs.map((input) =>
    columns.map((output) => {
      const own = points.find((point) => point.inputs === input && point.outputs === output);
      return own ? own.ms : predict(input, output) * correction(points, predict, input, output);
    }),
  );
  return { signature, inputs, outputs, times };
}

const distinct = (numbers: readonly number[]): readonly number[] =>
  [...new Set(numbers)].sort((a, b) => a - b);

function averageRepeats(samples: readonly LayerSample[], follows: boolean): readonly LayerSample[] {
  const sums = new Map<string, { sample: LayerSample; ms: number; count: number }>();
  for (const sample of samples) {
    const outputs = follows ? 0 : sample.outputs;
    const key = `${sample.inputs} ${outputs}`;
    const entry = sums.get(key) ?? { sample: { ...sample, outputs }, ms: 0, count: 0 };
    sums.set(key, { ...entry, ms: entry.ms + sample.ms, count: entry.count + 1 });
  }
  return [...sums.values()].map(({ sample, ms, count }) => ({ ...sample, ms: ms / count }));
}

type Predict = (inputs: number, outputs: number) => number;

/** Mean of measured ÷ predicted, nearer points counting more. */
function correction(
  points: readonly LayerSample[],
  predict: Predict,
  inputs: number,
  outputs: number,
): number {
  let sum = 0;
  let weights = 0;
  for (const point of points) {
    const predicted = predict(point.inputs, point.outputs);
    if (!(predicted > 0) || !(point.ms > 0)) continue;
    const distance =
      Math.log(Math.max(1, point.inputs) / Math.max(1, inputs)) ** 2 +
      Math.log(Math.max(1, point.outputs) / Math.max(1, outputs)) ** 2;
    const weight = 1 / (0.05 + distance);
    sum += weight * Math.log(point.ms / predicted);
    weights += weight;
  }
  return weights > 0 ? Math.exp(sum / weights) : 1;
}

function fitBlocks(points: readonly LayerSample[], multiple: number): Predict {
  const features = (inputs: number, outputs: number): readonly number[] => {
    const rows = Math.ceil(inputs / multiple);
    const columns = Math.ceil(outputs / multiple);
    return [1, rows, columns, rows * columns];
  };
  const coefficients = leastSquares(
    points
      .filter(({ ms }) => ms > 0)
      .map(({ inputs, outputs, ms }) => features(inputs, outputs).map((value) => value / ms)),
  );
  return (inputs, outputs) =>
    features(inputs, outputs).reduce(
      (sum, value, index) => sum + value * (coefficients[index] ?? 0),
      0,
    );
}

/**
 * Coefficients of 0 and more for which rows × coefficients come nearest to 1, by coordinate descent,
 * which converges from any start as the problem is convex.
 */
function leastSquares(rows: readonly (readonly number[])[]): readonly number[] {
  const width = rows[0]?.length ?? 0;
  const norms = Array.from({ length: width }, (_, column) =>
    rows.reduce((sum, row) => sum + (row[column] ?? 0) ** 2, 0),
  );
  const coefficients = new Float64Array(width);
  const residuals = Float64Array.from(rows, () => 1);
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let largestStep = 0;
    for (let column = 0; column < width; column++) {
      const norm = norms[column] ?? 0;
      if (norm === 0) continue;
      let gradient = 0;
      rows.forEach((row, index) => {
        gradient += (row[column] ?? 0) * (residuals[index] ?? 0);
      });
      const old = coefficients[column] ?? 0;
      const next = Math.max(0, old + gradient / norm);
      coefficients[column] = next;
      largestStep = Math.max(largestStep, Math.abs(next - old) * Math.sqrt(norm));
      rows.forEach((row, index) => {
        residuals[index] = (residuals[index] ?? 0) - (next - old) * (row[column] ?? 0);
      });
    }
    if (largestStep < TOLERANCE * Math.sqrt(rows.length)) break;
  }
  return [...coefficients];
}
