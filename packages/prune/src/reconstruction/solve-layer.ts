import { meanDiagonal, solveSymmetric, withDiagonal } from "./linear-algebra.ts";
import { type Covariance, covarianceOf, type Moments } from "./moments.ts";
import { subtractProducts } from "./tableau.ts";

/** A linear function y = W' x + b: weight [features, targets], bias [targets]. */
export interface LinearFunction {
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

/** What a refit achieved, in squared error a row, summed over the targets. */
export interface Fit extends LinearFunction {
  readonly errorBefore: number;
  readonly errorAfter: number;
  /** Σ over targets of the variance that there is to explain. */
  readonly variance: number;
  /** The damping that was used, as a share of the mean variance of the features. */
  readonly damping: number;
}

/** How a linear function is fitted. */
export interface FitOptions {
  /** Pull towards the old weights, as a share of the mean variance of the features. */
  readonly damping: number;
  /** Outputs of one channel that share a bias; targets are ordered tap by tap. */
  readonly taps: number;
  /** Whether there is a bias to fit. */
  readonly hasBias: boolean;
  /** Part (0–1) of the rows that count as independent: several copies of an image are one. */
  readonly independent: number;
}

/**
 * Fits a linear function to targets by ridge regression towards the old weights:
 * min E‖y − W'x − b‖² + λ‖W − W₀‖², λ = damping · mean Var(x). Solved on the covariances in double
 * precision.
 * @returns A reason if there are too few rows or the system can't be solved.
 */
export function fitLinear(
  moments: Moments,
  old: LinearFunction,
  options: FitOptions,
): Fit | string {
  const { features, targets, count } = moments;
  const { hasBias, taps } = options;
  const covariance = covarianceOf(moments, hasBias);
  const scale = meanDiagonal(covariance.xx, features);
  // Rounding of float32 sums leaves about this much of the squared mean.
  const noise = meanSquare(covariance.meanX) * 1e-6;
  if (!(scale > noise)) return "its inputs are constant on the calibration images";
  const damping = dampingFor(options.damping, count * options.independent, features);
  const damped = withDiagonal(covariance.xx, features, damping * scale);
  const residual = residualCovariance(covariance, old.weight, features, targets);
  const isShared = hasBias && taps > 1;
  const right = isShared ? withColumn(residual, covariance.meanX, targets) : residual;
  const solution = solveSymmetric(damped, features, right, isShared ? targets + 1 : targets);
  if (!solution) return `its ${features} features are linearly dependent at damping ${damping}`;
  const { step, direction } = isShared
    ? splitColumn(solution, features, targets)
    : { step: solution, direction: undefined };
  const weight = old.weight.map((value, index) => value + (step[index] as number));
  const bias = biasFor(covariance, weight, features, targets);
  const errorBefore = errorOf(covariance, old, residual);
  if (direction) shareBias(covariance, weight, bias, direction, targets / taps);
  // Without a shared bias, (C + λ) step = r makes the residual after the step λ · step.
  const after = direction
    ? residualCovariance(covariance, weight, features, targets)
    : step.map((value) => value * damping * scale);
  const errorAfter = errorOf(covariance, { weight, bias }, after);
  const { varianceY: variance } = covariance;
  const channelBias = taps > 1 ? bias.slice(0, targets / taps) : bias;
  return { weight, bias: channelBias, damping, errorBefore, errorAfter, variance };
}

/** The error that a function leaves, per row and summed over targets. */
export function errorOfFunction(
  moments: Moments,
  { weight, bias }: LinearFunction,
  hasBias: boolean,
): { readonly error: number; readonly variance: number } {
  const { features, targets } = moments;
  const covariance = covarianceOf(moments, hasBias);
  const residual = residualCovariance(covariance, weight, features, targets);
  const full = bias.length === targets ? bias : repeat(bias, targets);
  return {
    error: errorOf(covariance, { weight, bias: full }, residual),
    variance: covariance.varianceY,
  };
}

/** The bias that makes the mean right and leaves the weights: mean over the taps that share it. */
export function meanBias(moments: Moments, { weight }: LinearFunction, taps: number): Float64Array {
  const { features, targets } = moments;
  const bias = biasFor(covarianceOf(moments), weight, features, targets);
  return averageTaps(bias, targets / taps);
}

/** Rows per feature below which a fit is not trusted as it is. */
const SCARCE = 4;

/**
 * With few rows the covariance has directions that were hardly seen, or never. Damping grows there,
 * so that the old weights hold: to 0.1 where there are fewer rows than features.
 */
function dampingFor(damping: number, rows: number, features: number): number {
  if (rows >= SCARCE * features) return damping;
  return Math.max(damping, Math.min(0.1, (0.1 * features) / Math.max(rows, 1)));
}

/** Cov(x, y − W₀'x). */
function residualCovariance(
  covariance: Covariance,
  weight: Float64Array,
  features: number,
  targets: number,
): Float64Array {
  const result = covariance.xy.slice();
  subtractProducts(result, targets, covariance.xx, weight, features, false, features);
  return result;
}

function biasFor(
  covariance: Covariance,
  weight: Float64Array,
  features: number,
  targets: number,
): Float64Array {
  const bias = covariance.meanY.slice();
  for (let row = 0; row < features; row++) {
    const mean = covariance.meanX[row] as number;
    for (let target = 0; target < targets; target++)
      bias[target] = (bias[target] as number) - mean * (weight[row * targets + target] as number);
  }
  return bias;
}

/** E‖y − W'x − b‖², from the covariances and Cov(x, y − W'x) alone. */
function errorOf(
  covariance: Covariance,
  { weight, bias }: LinearFunction,
  residual: Float64Array,
): number {
  let error = covariance.varianceY;
  // tr(W'Cxx W) − 2 tr(W'Cxy) = −tr(W'(Cxy − Cxx W)) − tr(W'Cxy)
  for (let index = 0; index < weight.length; index++) {
    error -=
      (weight[index] as number) * ((residual[index] as number) + (covariance.xy[index] as number));
  }
  const targets = bias.length;
  const best = biasFor(covariance, weight, weight.length / targets, targets);
  for (let target = 0; target < targets; target++)
    error += ((best[target] as number) - (bias[target] as number)) ** 2;
  return Math.max(error, 0);
}

/**
 * Makes the biases of all taps of a channel equal, in place, and the weights the best ones for them.
 * With the best weight for a given bias, the error grows with the square of the bias's distance from
 * the free optimum, equally for all taps: their mean is best. The weights follow along C⁻¹ E[x]: to
 * their optimum plus (b_tap − b) · C⁻¹m / (1 + m'C⁻¹m).
 */
function shareBias(
  covariance: Covariance,
  weight: Float64Array,
  bias: Float64Array,
  direction: Float64Array,
  channels: number,
): void {
  const targets = bias.length;
  const shared = averageTaps(bias, channels);
  const gain = direction.reduce(
    (sum, value, row) => sum + value * (covariance.meanX[row] as number),
    0,
  );
  for (let target = 0; target < targets; target++) {
    const shift = ((bias[target] as number) - (shared[target % channels] as number)) / (1 + gain);
    bias[target] = shared[target % channels] as number;
    for (let row = 0; row < direction.length; row++) {
      const at = row * targets + target;
      weight[at] = (weight[at] as number) + shift * (direction[row] as number);
    }
  }
}

function averageTaps(bias: Float64Array, channels: number): Float64Array {
  const taps = bias.length / channels;
  const mean = new Float64Array(channels);
  bias.forEach((value, target) => {
    mean[target % channels] = (mean[target % channels] as number) + value / taps;
  });
  return mean;
}

const repeat = (bias: Float64Array, targets: number): Float64Array =>
  Float64Array.from({ length: targets }, (_, target) => bias[target % bias.length] as number);

const meanSquare = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + value ** 2, 0) / Math.max(values.length, 1);

/** [features, targets] with one more column. */
function withColumn(data: Float64Array, column: Float64Array, targets: number): Float64Array {
  const result = new Float64Array(data.length + column.length);
  column.forEach((value, row) => {
    result.set(data.subarray(row * targets, (row + 1) * targets), row * (targets + 1));
    result[row * (targets + 1) + targets] = value;
  });
  return result;
}

function splitColumn(
  data: Float64Array,
  features: number,
  targets: number,
): { readonly step: Float64Array; readonly direction: Float64Array } {
  const step = new Float64Array(features * targets);
  const direction = new Float64Array(features);
  for (let row = 0; row < features; row++) {
    const base = row * (targets + 1);
    step.set(data.subarray(base, base + targets), row * targets);
    direction[row] = data[base + targets] as number;
  }
  return { step, direction };
}
