import { float, int, string } from "@ocrslim/graph";
import { addNode } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { checkGradients } from "../../support/check-gradients.ts";

describe("gradients of MatMul", () => {
  it.each([
    { a: [2, 3], b: [3, 4], to: [2, 4] },
    { a: [3], b: [3], to: [] },
    { a: [3], b: [3, 4], to: [4] },
    { a: [2, 3], b: [3], to: [2] },
    { a: [3], b: [2, 3, 4], to: [2, 4] },
    { a: [5, 2, 3], b: [3], to: [5, 2] },
    { a: [5, 2, 3], b: [3, 4], to: [5, 2, 4] },
    { a: [2, 3], b: [5, 3, 4], to: [5, 2, 4] },
    { a: [5, 2, 3], b: [5, 3, 4], to: [5, 2, 4] },
    { a: [2, 1, 2, 3], b: [3, 3, 2], to: [2, 3, 2, 2] },
    { a: [1, 2, 3], b: [4, 3, 2], to: [4, 2, 2] },
    { a: [2, 2, 3], b: [1, 1, 3, 4], to: [1, 2, 2, 4] },
    { a: [1, 2, 3], b: [1, 3, 4], to: [1, 2, 4] },
  ])("are matrix products: $a by $b", async ({ a, b, to }) => {
    const init = {
      inputs: { a, b },
      opset: 18,
      build: ((graph, left, right) => addNode(graph, "MatMul", [left, right], to)) as Parameters<
        typeof checkGradients
      >[0]["build"],
    };
    await checkGradients(init);
    await checkGradients(init, { wrt: ["b"] });
  });
});

describe("gradients of Gemm", () => {
  const biases = [undefined, [], [4], [2, 1], [1, 4], [2, 4]];
  it.each([
    { transA: 0, transB: 0 },
    { transA: 0, transB: 1 },
    { transA: 1, transB: 0 },
    { transA: 1, transB: 1 },
  ])("know what is transposed and scaled: $transA, $transB", async ({ transA, transB }) => {
    for (const bias of biases) {
      await checkGradients({
        inputs: {
          a: transA ? [3, 2] : [2, 3],
          b: transB ? [4, 3] : [3, 4],
          ...(bias ? { c: bias } : {}),
        },
        opset: 18,
        build: (graph, ...inputs) =>
          addNode(graph, "Gemm", inputs, [2, 4], {
            transA: int(transA),
            transB: int(transB),
            alpha: float(0.7),
            beta: float(-1.5),
          }),
      });
    }
  });
});

describe("gradients of Einsum", () => {
  it.each([
    {
      equation: "ij,jk->ik",
      dims: [
        [2, 3],
        [3, 4],
      ],
      to: [2, 4],
    },
    {
      equation: "bij, bkj -> bik",
      dims: [
        [2, 2, 3],
        [2, 4, 3],
      ],
      to: [2, 2, 4],
    },
    {
      equation: "ij,jk",
      dims: [
        [2, 3],
        [3, 4],
      ],
      to: [2, 4],
    },
    { equation: "ij->j", dims: [[2, 3]], to: [3] },
    { equation: "ij,k->k", dims: [[2, 3], [4]], to: [4] },
    { equation: "i,j,ij->", dims: [[2], [3], [2, 3]], to: [] },
  ])("swap the output and an operand: $equation", async ({ equation, dims, to }) => {
    await checkGradients({
      inputs: Object.fromEntries(dims.map((own, index) => [`x${index}`, own])),
      opset: 18,
      build: (graph, ...inputs) =>
        addNode(graph, "Einsum", inputs, to, { equation: string(equation) }),
    });
  });

  it("refuse a diagonal", async () => {
    await expect(
      checkGradients({
        inputs: { x: [3, 3] },
        opset: 18,
        build: (graph, x) => addNode(graph, "Einsum", [x], [3], { equation: string("ii->i") }),
      }),
    ).rejects.toMatchObject({ code: "unsupported" });
  });
});
