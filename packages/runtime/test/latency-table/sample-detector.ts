import type { Model } from "@ocrslim/graph";
import {
  concat,
  conv,
  createTestModel,
  depthwise,
  residual,
  seGate,
  unary,
} from "@ocrslim/test-utils";

/** Stem, depthwise block, residual, gate, two branches that join, head: [1, 3, 32, 32] → [1, 1, …]. */
export function sampleDetector(options: { readonly kernel?: number } = {}): Model {
  return createTestModel({
    inputs: { x: [1, 3, 32, 32] },
    build(graph, x) {
      const stem = unary(graph, "Relu", conv(graph, x, { out: 32, stride: 2 }));
      const block = conv(graph, depthwise(graph, stem, { kernel: 3 }), { out: 64, kernel: 1 });
      const summed = residual(graph, unary(graph, "HardSwish", block), (value) =>
        conv(graph, value, { out: 64, kernel: options.kernel ?? 3 }),
      );
      const gated = seGate(graph, unary(graph, "Relu", summed), { squeeze: 16 });
      const left = conv(graph, gated, { out: 32, kernel: 1 });
      const right = unary(graph, "Relu", conv(graph, gated, { out: 48 }));
      const joined = conv(graph, concat(graph, [left, right]), { out: 40 });
      return unary(graph, "Sigmoid", conv(graph, joined, { out: 1, kernel: 1 }));
    },
  });
}
