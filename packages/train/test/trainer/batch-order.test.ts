import { expect, test } from "vitest";
import { createBatchOrder, mixSeed } from "../../src/trainer/batch-order.ts";

test("each epoch is a permutation of all samples, across batches that span two", () => {
  const [size, batchSize] = [10, 4];
  const requestOf = createBatchOrder({ size, batchSize, seed: 3 });
  const samples = Array.from({ length: 25 }, (_, index) => requestOf(index).samples).flat();
  const epochs = Array.from({ length: 10 }, (_, epoch) =>
    samples.slice(epoch * size, (epoch + 1) * size),
  );
  for (const epoch of epochs) {
    expect([...epoch].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
  }
  expect(new Set(epochs.map((epoch) => epoch.join())).size).toBe(10);
});

test("a batch larger than the data set takes several epochs", () => {
  const { samples } = createBatchOrder({ size: 3, batchSize: 7, seed: 0 })(1);
  expect(samples).toHaveLength(7);
  expect(samples.every((sample) => sample >= 0 && sample < 3)).toBe(true);
});

test("requests depend on the seed and the index alone, not on what was asked before", () => {
  const options = { size: 50, batchSize: 7, seed: 9 };
  const forwards = createBatchOrder(options);
  const inOrder = Array.from({ length: 40 }, (_, index) => forwards(index));
  const backwards = createBatchOrder(options);
  for (let index = 39; index >= 0; index--) expect(backwards(index)).toEqual(inOrder[index]);
  const other = createBatchOrder({ ...options, seed: 10 });
  expect(other(0).samples).not.toEqual(inOrder[0]?.samples);
  expect(new Set(inOrder.map(({ seed }) => seed)).size).toBe(40);
});

test("every sample is equally likely at every place", () => {
  const counts = new Array<number>(5).fill(0);
  const requestOf = createBatchOrder({ size: 5, batchSize: 5, seed: 1 });
  for (let epoch = 0; epoch < 5000; epoch++) {
    const first = requestOf(epoch).samples[0] ?? 0;
    counts[first] = (counts[first] ?? 0) + 1;
  }
  // 1000 each, standard deviation 28.
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(140);
});

test("mixed seeds of neighbours share half of their bits", () => {
  let differing = 0;
  for (let index = 0; index < 1000; index++) {
    let bits = mixSeed(7, index) ^ mixSeed(7, index + 1);
    for (; bits !== 0; bits >>>= 1) differing += bits & 1;
  }
  expect(differing / 1000).toBeGreaterThan(15);
  expect(differing / 1000).toBeLessThan(17);
  expect(mixSeed(2 ** 32 + 5)).not.toBe(mixSeed(5));
});
