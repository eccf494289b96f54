import { createRandom } from "@ocrslim/graph";
import type { BatchRequest } from "./training-data.ts";

/**
 * Mixes integers into a seed of 32 bits, so that neighbours give unrelated ones (MurmurHash3's
 * finalizer, after each number).
 */
export function mixSeed(...numbers: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const number of numbers) {
    hash = (Math.imul(hash ^ (number >>> 0), 0x01000193) + Math.trunc(number / 2 ** 32)) >>> 0;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash = (hash ^ (hash >>> 16)) >>> 0;
  }
  return hash;
}

/** What {@link createBatchOrder} is made for. */
export interface BatchOrderOptions {
  /** Number of samples. */
  readonly size: number;
  /** Samples in a micro-batch. */
  readonly batchSize: number;
  readonly seed: number;
}

/**
 * Returns the request of each micro-batch, in any order asked. Epochs follow each other without a gap:
 * each is a permutation of all samples (Fisher–Yates), and a batch may end one and begin the next.
 */
export function createBatchOrder(options: BatchOrderOptions): (index: number) => BatchRequest {
  const { size, batchSize, seed } = options;
  let epochs: readonly [number, Uint32Array][] = [];
  const permutation = (epoch: number): Uint32Array => {
    const known = epochs.find(([number]) => number === epoch);
    if (known) return known[1];
    const made = permute(size, createRandom(mixSeed(seed, epoch, 1)));
    // A batch and those made ahead lie in few epochs.
    epochs = [...epochs.slice(-3), [epoch, made]];
    return made;
  };
  return (index) => {
    const samples = Array.from({ length: batchSize }, (_, offset) => {
      const position = index * batchSize + offset;
      return permutation(Math.floor(position / size))[position % size] ?? 0;
    });
    return { index, seed: mixSeed(seed, index, 2), samples };
  };
}

function permute(size: number, random: () => number): Uint32Array {
  const order = Uint32Array.from({ length: size }, (_, index) => index);
  for (let last = size - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const moved = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = moved;
  }
  return order;
}
