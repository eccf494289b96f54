import { join } from "node:path";
import { writeModel } from "@ocrslim/graph";
import { conv, createTestModel, unary } from "@ocrslim/test-utils";
import { calibrationPages } from "./support.ts";

/** Writes a detector in shape only: three convolutions with random weights, two groups. */
export async function writeTinyDetector(folder: string, size = 64, seed = 1): Promise<string> {
  const model = createTestModel({
    inputs: { image: [1, 3, size, size] },
    seed,
    build: (graph, image) => {
      const first = unary(graph, "Relu", conv(graph, image, { out: 16 }));
      const second = unary(graph, "Relu", conv(graph, first, { out: 12 }));
      return unary(graph, "Sigmoid", conv(graph, second, { out: 1 }));
    },
  });
  const path = join(folder, "tiny.onnx");
  await writeModel(model, path);
  return path;
}

/** Options of a sweep over it, the same everywhere. */
export function sweepOptions(size = 64, data: string = calibrationPages): readonly string[] {
  return [
    ...["--data", data, "--images", "2", "--metric", "map", "--criterion", "l1"],
    ...["--image-shape", `${size},${size}`, "--threads", "1", "--concurrency", "1"],
    ...["--json", "--quiet"],
  ];
}
