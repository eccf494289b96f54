import { choleskyFactor, choleskySolve, meanDiagonal, withDiagonal } from "./linear-algebra.ts";
import { type Covariance, covarianceOf, type Moments } from "./moments.ts";

/** A linear function y = W' x + b: weight [features, targets], bias [targets]. */
export interface LinearFunction {
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

/** What a refit achieved: mean squared error as a share of the targets' variance. */
export interface Fit extends LinearFunction {
  readonly errorBefore: number;
  readonly errorAfter: number;
  /** The damping that was used, as a share of the mean variance of the features. */
  readonly damping: number;
}

/**
 * Fits a linear function to targets by ridge regression towards the old weights:
 * min E‖y − W'x − b‖² + λ‖W − W₀‖², λ = damping · mean Var(x). Solved on the covariances by Cholesky
 * factorization in double precision.
 * @returns A reason if there are too few rows or the system can't be solved.
 */
export function fitLinear(moments: Moments, old: LinearFunction, damping: number): Fit | string {
  const { features, targets, count } = moments;
  const covariance = covarianceOf(moments);
  const scale = meanDiagonal(covariance.xx, features);
  if (!(scale > 0)) return "its inputs are constant";
  const used = dampingFor(damping, count, features);
  const factor = choleskyFactor(withDiagonal(covariance.xx, features, used * scale), features);
  if (!factor) return `its ${features} features are linearly dependent at damping ${used}`;
  const step = residualCovariance(covariance, old.weight, features, targets);
  choleskySolve(factor, features, step, targets);
  const weight = old.weight.map((value, index) => value + (step[index] as number));
  const bias = biasFor(covariance, weight, features, targets);
  return {
    weight,
    bias,
    damping: used,
    errorBefore: relativeError(covariance, old, features, targets),
    errorAfter: relativeError(covariance, { weight, bias }, features, targets),
  };
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
  for (let row = 0; row < features; row++) {
    for (let k = 0; k < features; k++) {
      const scale = covariance.xx[row * features + k] as number;
      if (scale === 0) continue;
      for (let target = 0; target < targets; target++) {
        const at = row * targets + target;
        result[at] = (result[at] as number) - scale * (weight[k * targets + target] as number);
      }
    }
  }
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
    for (let target = 0; target < targets; target++) {
      bias[target] = (bias[target] as number) - mean * (weight[row * targets + target] as number);
    }
  }
  return bias;
}

/** E‖y − W'x − b‖² / Σ Var(y), from the covariances alone. */
export function relativeError(
  covariance: Covariance,
  { weight, bias }: LinearFunction,
  features: number,
  targets: number,
): number {
  const residual = residualCovariance(covariance, weight, features, targets);
  let error = covariance.varianceY;
  // tr(W'Cxx W) − 2 tr(W'Cxy) = −tr(W'(Cxy − Cxx W)) − tr(W'Cxy)
  for (let index = 0; index < weight.length; index++) {
    error -=
      (weight[index] as number) * ((residual[index] as number) + (covariance.xy[index] as number));
  }
  const best = biasFor(covariance, weight, features, targets);
  for (let target = 0; target < targets; target++)
    error += ((best[target] as number) - (bias[target] as number)) ** 2;
  return covariance.varianceY > 0 ? Math.max(error, 0) / covariance.varianceY : 0;
}

/**
 * The bias that is best for all taps of a transposed convolution at once, given weights that were
 * fitted with a bias for each tap: refitting W for the common bias moves it along Cxx⁻¹ E[x].
 */
export function fitSharedBias(moments: Moments, fit: Fit, taps: number): LinearFunction {
  const { features, targets } = moments;
  const channels = targets / taps;
  const covariance = covarianceOf(moments);
  const scale = meanDiagonal(covariance.xx, features);
  const direction = covariance.meanX.slice();
  const factor = choleskyFactor(
    withDiagonal(covariance.xx, features, fit.damping * scale),
    features,
  );
  if (factor) choleskySolve(factor, features, direction, 1);
  const gain = direction.reduce(
    (sum, value, row) => sum + value * (covariance.meanX[row] as number),
    0,
  );
  const bias = new Float64Array(channels);
  for (let target = 0; target < targets; target++) {
    const channel = target % channels;
    bias[channel] = (bias[channel] as number) + (fit.bias[target] as number) / taps;
  }
  const weight = fit.weight.slice();
  for (let target = 0; target < targets; target++) {
    // Minimizes over w for y − b: the old optimum plus (b_tap − b) · C⁻¹ m / (1 + m'C⁻¹m).
    const shift = ((fit.bias[target] as number) - (bias[target % channels] as number)) / (1 + gain);
    for (let row = 0; row < features; row++) {
      const at = row * targets + target;
      weight[at] = (weight[at] as number) + shift * (direction[row] as number);
    }
  }
  return { weight, bias };
}
