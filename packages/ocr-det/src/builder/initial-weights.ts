/** Fills a new parameter; `dims` as ONNX has them, `[out, in / convGroups, kH, kW]`. */
export type InitialWeights = (dims: readonly number[], random: () => number) => Float32Array;

/** The same value everywhere. */
export const constant =
  (value: number): InitialWeights =>
  (dims) =>
    new Float32Array(sizeOf(dims)).fill(value);

/** Uniform in ±`limit`. */
export const uniform =
  (limit: number): InitialWeights =>
  (dims, random) => {
    const weights = new Float32Array(sizeOf(dims));
    for (let index = 0; index < weights.length; index++) {
      weights[index] = (2 * random() - 1) * limit;
    }
    return weights;
  };

/** Normal with mean 0, two numbers at a time (Box-Muller). */
export const normal =
  (deviation: number): InitialWeights =>
  (dims, random) => {
    const weights = new Float32Array(sizeOf(dims));
    for (let index = 0; index < weights.length; index += 2) {
      const radius = deviation * Math.sqrt(-2 * Math.log(1 - random()));
      const angle = 2 * Math.PI * random();
      weights[index] = radius * Math.cos(angle);
      weights[index + 1] = radius * Math.sin(angle);
    }
    return weights;
  };

/**
 * Paddle's `KaimingUniform` (He et al. 2015, equation 10): uniform in ±√(6 / fan), the fan being
 * the second dim times the kernel's area. For a transposed convolution that is its *outputs*.
 */
export const kaimingUniform: InitialWeights = (dims, random) =>
  uniform(Math.sqrt(6 / sizeOf(dims.slice(1))))(dims, random);

/**
 * What Paddle gives a convolution that states nothing: normal, deviation √(2 / (kH · kW · in)),
 * with all input channels also for a grouped one.
 */
export const convDefault = (inChannels: number): InitialWeights => {
  return (dims, random) =>
    normal(Math.sqrt(2 / (inChannels * sizeOf(dims.slice(2)))))(dims, random);
};

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
