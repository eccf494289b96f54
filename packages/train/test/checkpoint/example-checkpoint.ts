import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";

/** A checkpoint with all that one can have. */
export function exampleCheckpoint(update = 3): Checkpoint {
  return {
    step: {
      fingerprint: "f",
      parameters: [{ name: "größe", dims: [2, 3], offset: 0, size: 6 }],
      statistics: [{ name: "mean", dims: [2], offset: 0, size: 2 }],
      state: [
        { name: "parameters", size: 6 },
        { name: "statistics", size: 2 },
      ],
      batch: [{ name: "x", dims: [1, 3], dtype: "float32" }],
      accumulate: 2,
    },
    run: {
      seed: 4294967295,
      batchSize: 1,
      dataSize: 9,
      dataFingerprint: "d",
      engine: "fake",
      learningRates: [0.1, 1e-300],
    },
    progress: {
      updates: update,
      microBatches: 2 * update + 1,
      total: 10,
      limits: { epochs: 2 },
      partial: { loss: 0.1 + 0.2, reports: { error: -1 } },
      evaluations: [{ update: 2, metric: 1 / 3, reports: { images: 5 } }],
      best: { update: 2, metric: 1 / 3 },
      stopping: { metric: 1 / 3, evaluations: 0 },
      losses: { latest: [1, 2 / 3], bestMean: 5 / 6 },
      elapsedMs: 12.5,
    },
    state: {
      parameters: Float32Array.of(1, -0, 1e-45, 3.4e38, -2.5, 0.1),
      statistics: Float32Array.of(1 / 3, update),
      empty: new Float32Array(0),
    },
  };
}
