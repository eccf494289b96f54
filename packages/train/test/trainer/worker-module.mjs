// A data set for worker threads, in JavaScript since Node 20 imports no TypeScript.

export function createTrainingData({ size, fingerprint, sizePerThread = false }) {
  return {
    size: sizePerThread ? Math.floor(Math.random() * 1e9) : size,
    fingerprint,
    async loadBatch({ index, seed, samples }) {
      if (index === 5) throw Object.assign(new RangeError("page 5 is torn"), { code: "torn" });
      if (index === 6) process.exit(3);
      // Later batches are ready first.
      await new Promise((resolve) => setTimeout(resolve, 4 - (index % 5)));
      const whole = new Float32Array(16).fill(99);
      const part = whole.subarray(4, 4 + samples.length);
      part.set(samples);
      return {
        whole: { dtype: "float32", dims: [2], data: Float32Array.of(index, seed) },
        part: { dtype: "float32", dims: [samples.length], data: part },
        sharedBuffer: { dtype: "uint8", dims: [2], data: new Uint8Array(new SharedArrayBuffer(2)) },
        integers: { dtype: "int64", dims: [1], data: BigInt64Array.of(BigInt(seed)) },
        texts: { dtype: "string", dims: [1], data: [`batch ${index}`] },
      };
    },
  };
}

export const createLater = async (options) => createTrainingData(options);

export function createBroken() {
  throw new TypeError("no pages at all");
}
