import type { Model } from "@ocrslim/graph";
import { conv, createTestModel, unary } from "@ocrslim/test-utils";

/** Three convolutions, for tests that are not about the model. */
export function smallDetector(options: { readonly kernel?: number } = {}): Model {
  return createTestModel({
    inputs: { x: [1, 3, 32, 32] },
    build(graph, x) {
      const first = unary(graph, "Relu", conv(graph, x, { out: 32, stride: 2 }));
      const second = unary(graph, "Relu", conv(graph, first, { out: 16, kernel: 1 }));
      return conv(graph, second, { out: 1, kernel: options.kernel ?? 3 });
    },
  });
}
