import { type AttributeContent, int, ints, string } from "@ocrslim/graph";
import { addMultiNode, addNode, floatConstant, intConstant } from "@ocrslim/test-utils";
import { describe, it } from "vitest";
import { checkGradients } from "../../support/check-gradients.ts";

type Attributes = Readonly<Record<string, AttributeContent>>;

/** Checks an operator of one data input; `constants` are its int64 inputs. */
async function checkMove(
  opType: string,
  from: readonly number[],
  to: readonly number[],
  constants: readonly (readonly number[] | undefined)[] = [],
  attributes: Attributes = {},
  opset = 18,
): Promise<void> {
  await checkGradients({
    inputs: { x: [...from] },
    opset,
    build: (graph, x) => {
      const inputs = constants.map((values) =>
        values ? intConstant(graph, "ints", values) : undefined,
      );
      return addNode(graph, opType, [x, ...inputs], to, attributes);
    },
  });
}

describe("gradients of operators that keep the elements", () => {
  it.each([
    { to: [6, 4], target: [-1, 4], attributes: {} },
    { to: [2, 2, 6], target: [0, 2, -1], attributes: {} },
    { to: [24], target: [24], attributes: { allowzero: int(1) } },
    { to: [2, 3, 4], target: [0, 0, 0], attributes: {} },
  ])("gives Reshape to $target the input's dims", async ({ to, target, attributes }) => {
    await checkMove("Reshape", [2, 3, 4], to, [target], attributes);
  });

  it.each([
    { axis: 0, to: [1, 24] },
    { axis: 2, to: [6, 4] },
    { axis: -1, to: [6, 4] },
    { axis: 3, to: [24, 1] },
  ])("unflattens at axis $axis", async ({ axis, to }) => {
    await checkMove("Flatten", [2, 3, 4], to, [], { axis: int(axis) });
  });

  it("puts back the axes that Squeeze took, named or not", async () => {
    await checkMove("Squeeze", [1, 3, 1, 4], [3, 4]);
    await checkMove("Squeeze", [1, 3, 1, 4], [1, 3, 4], [[-2]]);
  });

  it("takes the axes that Unsqueeze put", async () => {
    await checkMove("Unsqueeze", [3, 4], [1, 3, 4, 1], [[-1, 0]]);
  });

  it.each([
    { perm: undefined, to: [4, 3, 2] },
    { perm: [1, 2, 0], to: [3, 4, 2] },
    { perm: [0, 2, 1], to: [2, 4, 3] },
  ])("transposes back from order $perm", async ({ perm, to }) => {
    await checkMove("Transpose", [2, 3, 4], to, [], perm ? { perm: ints(perm) } : {});
  });

  it.each(["DCR", "CRD"])("undoes DepthToSpace in mode %s", async (mode) => {
    const attributes = { blocksize: int(2), mode: string(mode) };
    await checkMove("DepthToSpace", [2, 8, 2, 3], [2, 2, 4, 6], [], attributes);
  });

  it("undoes DepthToSpace without a mode, and SpaceToDepth", async () => {
    await checkMove("DepthToSpace", [1, 9, 2, 1], [1, 1, 6, 3], [], { blocksize: int(3) });
    await checkMove("SpaceToDepth", [2, 3, 4, 6], [2, 12, 2, 3], [], { blocksize: int(2) });
  });
});

describe("gradients of operators that repeat elements", () => {
  it.each([
    { from: [3, 1], target: [2, 3, 4], to: [2, 3, 4] },
    { from: [1, 3, 1], target: [1, 5], to: [1, 3, 5] },
    { from: [], target: [2, 3], to: [2, 3] },
    { from: [2, 3], target: [1, 1], to: [2, 3] },
  ])("sums what Expand made of $from", async ({ from, target, to }) => {
    await checkMove("Expand", from, to, [target]);
  });

  it.each([
    { repeats: [2, 1, 3], to: [4, 3, 12] },
    { repeats: [1, 1, 1], to: [2, 3, 4] },
    { repeats: [1, 4, 1], to: [2, 12, 4] },
  ])("sums the $repeats copies of Tile", async ({ repeats, to }) => {
    await checkMove("Tile", [2, 3, 4], to, [repeats]);
  });
});

describe("gradients of Concat and Split", () => {
  it.each([1, -2])("cuts Concat into its inputs at axis %i", async (axis) => {
    await checkGradients({
      inputs: { a: [2, 3, 2], b: [2, 1, 2] },
      opset: 18,
      build: (graph, a, b) => addNode(graph, "Concat", [a, b], [2, 4, 2], { axis: int(axis) }),
    });
  });

  it("adds both parts of a value that is joined to itself", async () => {
    await checkGradients({
      inputs: { a: [2, 3], b: [1, 3] },
      opset: 18,
      build: (graph, a, b) => addNode(graph, "Concat", [a, b, a], [5, 3], { axis: int(0) }),
    });
  });

  it("cuts out the one part that is wanted", async () => {
    await checkGradients(
      {
        inputs: { a: [2, 3], b: [2, 2], c: [2, 1] },
        opset: 18,
        build: (graph, a, b, c) => addNode(graph, "Concat", [a, b, c], [2, 6], { axis: int(1) }),
      },
      { wrt: ["b"] },
    );
  });

  it("joins the parts of a Split with sizes", async () => {
    await checkGradients({
      inputs: { x: [2, 6] },
      opset: 18,
      build: (graph, x) =>
        addMultiNode(
          graph,
          "Split",
          [x, intConstant(graph, "sizes", [1, 3, 2])],
          [
            [2, 1],
            [2, 3],
            [2, 2],
          ],
          { axis: int(-1) },
        ),
    });
  });

  it.each([[[0]], [[2]], [[1]], [[0, 2]], [[1, 2]], [[0, 1]]])(
    "gives zeros to parts that the loss does not read, of num_outputs, when it reads %j",
    async (read) => {
      await checkGradients({
        inputs: { x: [5, 2] },
        opset: 18,
        build: (graph, x) => {
          const parts = addMultiNode(
            graph,
            "Split",
            [x],
            [
              [2, 2],
              [2, 2],
              [1, 2],
            ],
            { num_outputs: int(3) },
          );
          return parts.filter((_, index) => read.includes(index));
        },
      });
    },
  );
});

describe("gradients of Slice", () => {
  const far = 2 ** 63;
  it.each([
    {
      what: "a range",
      to: [2, 3],
      inputs: [
        [0, 1],
        [2, 4],
      ],
    },
    {
      what: "ends beyond the axis",
      to: [3, 2],
      inputs: [
        [1, 3],
        [far, 100],
      ],
    },
    { what: "negative starts, ends and axes", to: [4, 2], inputs: [[-3], [-1], [-1]] },
    { what: "a step", to: [4, 2], inputs: [[1], [far], [1], [3]] },
    { what: "a step that ends before the axis", to: [4, 2], inputs: [[0], [3], [1], [2]] },
    {
      what: "steps on both axes",
      to: [2, 3],
      inputs: [
        [1, 0],
        [far, far],
        [0, 1],
        [2, 2],
      ],
    },
    { what: "a reversed axis", to: [4, 5], inputs: [[-1], [-far], [1], [-1]] },
    { what: "a negative step", to: [4, 2], inputs: [[3], [0], [1], [-2]] },
    {
      what: "steps of both signs",
      to: [2, 2],
      inputs: [
        [-1, 1],
        [-far, far],
        [0, 1],
        [-3, 2],
      ],
    },
    { what: "a single element backwards", to: [1, 5], inputs: [[2], [1], [0], [-1]] },
    { what: "nothing left out", to: [4, 5], inputs: [[0], [far], [0], [1]] },
  ])("puts zeros around $what", async ({ to, inputs }) => {
    await checkMove("Slice", [4, 5], to, inputs);
  });
});

describe("gradients of Pad", () => {
  it.each([
    { what: "pads on all sides", to: [5, 9], inputs: [[1, 2, 1, 3]] },
    { what: "pads of named axes", to: [3, 7], inputs: [[1, 2], undefined, [-1]] },
    { what: "negative pads", to: [2, 3], inputs: [[-1, -1, 0, 0]] },
    { what: "pads of both signs", to: [5, 3], inputs: [[3, -1, -1, 0]] },
    { what: "no pads", to: [3, 4], inputs: [[0, 0, 0, 0]] },
  ])("cuts off $what", async ({ to, inputs }) => {
    await checkMove("Pad", [3, 4], to, inputs);
  });

  it.each([
    { mode: "edge", to: [6, 9], pads: [1, 2, 2, 3] },
    { mode: "reflect", to: [6, 9], pads: [1, 2, 2, 3] },
    { mode: "reflect", to: [3, 5], pads: [0, 1, 0, 0] },
    { mode: "wrap", to: [6, 8], pads: [1, 0, 2, 4] },
    { mode: "edge", to: [4, 4], pads: [2, -1, -1, 1] },
    { mode: "reflect", to: [3, 5], pads: [1, -1, -1, 2] },
  ])("adds the $mode border of $pads to where it came from", async ({ mode, to, pads }) => {
    await checkMove("Pad", [3, 4], to, [pads], { mode: string(mode) }, 19);
  });

  it("sums over the border for the constant that fills it", async () => {
    await checkGradients(
      {
        inputs: { x: [2, 3], value: [] },
        opset: 18,
        build: (graph, x, value) =>
          addNode(graph, "Pad", [x, intConstant(graph, "pads", [1, -1, 0, 2]), value], [3, 4]),
      },
      { wrt: ["x", "value"] },
    );
  });

  it("is not disturbed by a constant other than 0", async () => {
    await checkGradients(
      {
        inputs: { x: [2, 3] },
        opset: 18,
        build: (graph, x) => {
          const value = floatConstant(graph, "value", [], [3]);
          return addNode(
            graph,
            "Pad",
            [x, intConstant(graph, "pads", [1, 1, 0, 2]), value],
            [3, 6],
          );
        },
      },
      { wrt: ["x"] },
    );
  });
});
