import { createRandom } from "@ocrslim/graph";
import { batchNormalization, conv, createTestModel, unary } from "@ocrslim/test-utils";
import { meanSquaredError } from "../../src/losses/mean-squared-error.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { buildTrainingStep } from "../../src/step/build-training-step.ts";
import type { TrainingStep } from "../../src/step/training-step.ts";
import type { TrainingData } from "../../src/trainer/training-data.ts";

const DIMS = [2, 3, 8, 8];

/** A small convolutional model with all that makes a state: Adam, a moving average, statistics. */
export function smallStep(accumulate = 2): Promise<TrainingStep> {
  const model = createTestModel({
    inputs: { x: DIMS },
    opset: 18,
    build: (graph, x) => {
      const features = batchNormalization(graph, conv(graph, x!, { out: 4 }));
      return unary(graph, "Sigmoid", conv(graph, unary(graph, "Relu", features), { out: 1 }));
    },
  });
  return buildTrainingStep(model, {
    loss: ({ ops, output, target }) =>
      meanSquaredError(ops, output(), target("target", ops.dims(output()))),
    optimizer: adam(),
    accumulate,
    emaDecay: 0.9,
    batchNormalization: "trained",
  });
}

/** Random pictures; the target is where the first channel is bright. */
export function smallData(step: TrainingStep, size = 9): TrainingData {
  return {
    size,
    loadBatch({ samples, seed }) {
      const noise = createRandom(seed);
      return Object.fromEntries(
        step.batch.map(({ name, dims }) => {
          const length = dims.reduce((product, dim) => product * dim, 1);
          const data = new Float32Array(length);
          samples.forEach((sample, row) => {
            const random = createRandom(sample + 1);
            for (let index = 0; index < length / samples.length; index++) {
              const value = random();
              data[(row * length) / samples.length + index] =
                name === "target" ? Math.round(value) : value + 0.1 * noise();
            }
          });
          return [name, { dtype: "float32" as const, dims, data }];
        }),
      );
    },
  };
}
