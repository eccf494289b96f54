import { SensitivityError } from "../errors.ts";

/** How far maps are from their references, as sums over pixels, in nats. */
export interface MapDistance {
  /** Σ KL(p ‖ q) of Bernoulli variables: p the reference, q the map. 0 if they are equal. */
  readonly divergence: number;
  /** Σ KL(p ‖ p̄): what the reference says beyond its own mean p̄; what `divergence` is held against. */
  readonly information: number;
}

/** A map that others are compared with. */
export interface ReferenceMap {
  /** p, kept away from 0 and 1. */
  readonly probabilities: Float32Array;
  /** p ln p + (1 − p) ln (1 − p). */
  readonly negativeEntropies: Float32Array;
  /** {@link MapDistance.information}. */
  readonly information: number;
}

/**
 * Probabilities are kept this far from 0 and 1: below the thresholds of detectors (0.2 to 0.3) a pixel
 * is empty whether a model says 3 % or 10⁻⁹, and none weighs more than ln 33 = 3.5 nats.
 */
const MARGIN = 0.03;

/** How far outside of 0 to 1 a probability may lie: rounding. */
const TOLERANCE = 1e-3;

const clamp = (probability: number): number => Math.min(1 - MARGIN, Math.max(MARGIN, probability));

/**
 * Prepares a map that others will be compared with.
 * @throws SensitivityError `invalid-metric` if an element is no probability.
 */
export function createReferenceMap(map: Float32Array): ReferenceMap {
  const probabilities = new Float32Array(map.length);
  const negativeEntropies = new Float32Array(map.length);
  let sum = 0;
  let total = 0;
  for (let index = 0; index < map.length; index++) {
    const p = clamp(requireProbability(map, index));
    probabilities[index] = p;
    const own = p * Math.log(p) + (1 - p) * Math.log(1 - p);
    negativeEntropies[index] = own;
    sum += p;
    total += own;
  }
  const mean = map.length > 0 ? sum / map.length : 0.5;
  const constant = mean * Math.log(mean) + (1 - mean) * Math.log(1 - mean);
  const information = total - map.length * constant;
  // What is left of a constant map is rounding.
  return {
    probabilities,
    negativeEntropies,
    information: information > 1e-9 * map.length ? information : 0,
  };
}

/**
 * Σ KL(p ‖ q) of a map q from the reference p, in nats.
 * @throws SensitivityError `invalid-metric` if an element is no probability or the sizes differ.
 */
export function computeDivergence(reference: ReferenceMap, map: Float32Array): number {
  const { probabilities, negativeEntropies } = reference;
  if (probabilities.length !== map.length) {
    throw new SensitivityError(
      "invalid-metric",
      `outputDistanceMetric: the map has ${map.length} elements, the unpruned model's ${probabilities.length}; pruning must not change the size of an output`,
    );
  }
  let divergence = 0;
  for (let index = 0; index < map.length; index++) {
    const q = Math.fround(clamp(requireProbability(map, index)));
    const p = probabilities[index] as number;
    // Most pixels are empty in both maps.
    if (p === q) continue;
    const cross = p * Math.log(q) + (1 - p) * Math.log(1 - q);
    divergence += Math.max(0, (negativeEntropies[index] as number) - cross);
  }
  return divergence;
}

function requireProbability(map: Float32Array, index: number): number {
  const value = map[index] as number;
  // Written so that NaN does not pass.
  if (value >= -TOLERANCE && value <= 1 + TOLERANCE) return value;
  throw new SensitivityError(
    "invalid-metric",
    `outputDistanceMetric: element ${index} of an output is ${value}; compare outputs that are probabilities, from 0 to 1`,
  );
}
