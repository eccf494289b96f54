import { cloneModel, encodeModel, type Model, Tensor } from "@ocrslim/graph";
import { conv, convTranspose, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { polishOutput } from "../../src/reconstruction/polish-output.ts";
import { directTo, feedsOf, runtime } from "./support.ts";

type Build = Parameters<typeof directTo>[0];

const lasts: readonly (readonly [string, Build])[] = [
  ["a convolution", (graph, x) => conv(graph, x, { out: 2, bias: false })],
  ["a transposed convolution", (graph, x) => convTranspose(graph, x, { out: 1 })],
];

function detector(last: Build): Model {
  return directTo((graph, x) => unary(graph, "Sigmoid", last(graph, x)));
}

/** A copy whose last weights are wrong by a part of their size. */
function withNoise(model: Model, part: number): Model {
  const copy = cloneModel(model);
  const weight = copy.graph.outputs[0]!.producer!.input(0)!.producer!.input(1)!;
  const data = weight.tensor!.float32Values().map((value, index) => {
    const sign = index % 3 === 0 ? 1 : -0.6;
    return value + sign * part;
  });
  weight.tensor = Tensor.float32(weight.tensor!.dims, data);
  return copy;
}

describe("polishOutput", () => {
  it.each(lasts)(
    "finds the unpruned model's weights again where they are all that differs: %s",
    async (_name, last) => {
      const teacher = detector(last);
      const model = withNoise(teacher, 0.3);
      const options = { teacher, feeds: feedsOf(6), heldOut: feedsOf(3, 8), runtime };
      const report = await polishOutput(model, { ...options, rounds: 6, damping: 1e-7 });
      expect(report).toMatchObject({ isKept: true, layers: [expect.any(String)] });
      expect(report.before.soft).toBeGreaterThan(0.05);
      expect(report.after.soft).toBeLessThan(1e-3);
      // What is reported is what the model now does.
      const again = await polishOutput(model, options);
      expect(again.before.soft).toBeCloseTo(report.after.soft, 6);
    },
  );

  it("comes closer with each of its steps", async () => {
    const teacher = detector(lasts[1]![1]);
    const after: number[] = [];
    for (const rounds of [1, 2, 3]) {
      const model = withNoise(teacher, 0.5);
      const options = { teacher, feeds: feedsOf(4), heldOut: feedsOf(2, 8), runtime, rounds };
      after.push((await polishOutput(model, options)).after.soft);
    }
    expect(after[1]!).toBeLessThan(after[0]!);
    expect(after[2]!).toBeLessThan(after[1]!);
  });

  it("leaves the model as it is if held-out images do not agree more", async () => {
    const teacher = detector(lasts[0]![1]);
    const model = cloneModel(teacher);
    const before = encodeModel(model);
    const options = { teacher, feeds: feedsOf(3), heldOut: feedsOf(2, 8), runtime };
    expect(await polishOutput(model, options)).toMatchObject({ isKept: false });
    expect(encodeModel(model)).toEqual(before);
  });

  it("says why there is nothing to do if no output is a Sigmoid of a layer", async () => {
    const teacher = directTo(lasts[0]![1]);
    const options = { teacher, feeds: feedsOf(2), heldOut: feedsOf(1, 8), runtime };
    const report = await polishOutput(cloneModel(teacher), options);
    expect(report).toMatchObject({ isKept: false, layers: [] });
    expect(report.reason).toContain("Sigmoid");
  });

  it("is refused without held-out images", async () => {
    const teacher = detector(lasts[0]![1]);
    const options = { teacher, feeds: feedsOf(2), heldOut: [], runtime };
    await expect(polishOutput(cloneModel(teacher), options)).rejects.toMatchObject({
      code: "invalid-option",
    });
  });
});
