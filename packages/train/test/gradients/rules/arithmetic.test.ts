import { Tensor, type Value } from "@ocrslim/graph";
import { addNode, floatConstant, randomWeight } from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkGradients } from "../../support/check-gradients.ts";
import { derivativesAt } from "./derivative-at.ts";

/** Dims of operands that broadcast together, and what they give. */
interface Operands {
  readonly dims: readonly (readonly number[])[];
  readonly result: readonly number[];
}

function operands(count: number): fc.Arbitrary<Operands> {
  const result = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
  return result.chain((full) =>
    fc
      .array(
        fc.record({
          dropped: fc.integer({ min: 0, max: full.length }),
          ones: fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }),
        }),
        { minLength: count, maxLength: count },
      )
      .map((choices) => {
        const dims = choices.map(({ dropped, ones }) =>
          full.map((dim, axis) => (ones[axis] ? 1 : dim)).slice(dropped),
        );
        return { dims, result: broadcast(dims) };
      }),
  );
}

function broadcast(shapes: readonly (readonly number[])[]): readonly number[] {
  const rank = Math.max(...shapes.map((dims) => dims.length));
  return Array.from({ length: rank }, (_, axis) =>
    Math.max(...shapes.map((dims) => dims[axis - rank + dims.length] ?? 1)),
  );
}

async function checkOperator(
  opType: string,
  { dims, result }: Operands,
  range: [number, number],
): Promise<void> {
  await checkGradients(
    {
      inputs: Object.fromEntries(dims.map((shape, index) => [`x${index}`, [...shape]])),
      opset: 18,
      build: (graph, ...inputs) => addNode(graph, opType, inputs, result),
    },
    { range },
  );
}

describe("arithmetic rules against finite differences", () => {
  const two: readonly (readonly [string, [number, number]])[] = [
    ["Add", [-2, 2]],
    ["Sub", [-2, 2]],
    ["Mul", [-2, 2]],
    ["Div", [0.5, 2]],
    ["Pow", [0.5, 2]],
    ["Max", [-2, 2]],
    ["Min", [-2, 2]],
    ["Sum", [-2, 2]],
    ["Mean", [-2, 2]],
  ];
  for (const [opType, range] of two) {
    it(`${opType} of two operands, broadcast in any way`, async () => {
      await fc.assert(
        fc.asyncProperty(operands(2), (shapes) => checkOperator(opType, shapes, range)),
        { numRuns: 8, seed: 7 },
      );
    });
  }

  for (const opType of ["Max", "Min", "Sum", "Mean"]) {
    it(`${opType} of one operand, and of three and four, broadcast`, async () => {
      await checkOperator(opType, { dims: [[2, 3]], result: [2, 3] }, [-2, 2]);
      for (const count of [3, 4]) {
        await fc.assert(
          fc.asyncProperty(operands(count), (shapes) => checkOperator(opType, shapes, [-2, 2])),
          { numRuns: 3, seed: 11 },
        );
      }
    });
  }

  const unary: readonly (readonly [string, [number, number]])[] = [
    ["Neg", [-2, 2]],
    ["Abs", [-2, 2]],
    ["Sqrt", [0.2, 3]],
    ["Exp", [-2, 2]],
    ["Log", [0.2, 3]],
    ["Erf", [-2, 2]],
    ["Reciprocal", [0.4, 2]],
    ["Reciprocal", [-2, -0.4]],
    ["Sin", [-4, 4]],
    ["Cos", [-4, 4]],
  ];
  for (const [opType, range] of unary) {
    it(`${opType} over [${range}]`, async () => {
      await checkOperator(opType, { dims: [[2, 3, 4]], result: [2, 3, 4] }, range);
    });
  }

  for (const opType of ["Add", "Sub", "Mul", "Div", "Pow", "Sum", "Mean"]) {
    it(`${opType} of a value and itself`, async () => {
      await checkGradients(
        {
          inputs: { x: [3, 4] },
          opset: 18,
          build: (graph, x) => addNode(graph, opType, [x as Value, x as Value], [3, 4]),
        },
        { range: [0.5, 2] },
      );
    });
  }
});

describe("the rule of Pow with a constant exponent", () => {
  for (const power of [0, 0.5, 1, 2, 3, 4, -1, -2.5, 1.7]) {
    for (const dims of [[], [1], [2, 1, 1]]) {
      it(`${power}, of dims [${dims}]`, async () => {
        await checkGradients(
          {
            inputs: { x: [3, 4] },
            opset: 18,
            build: (graph, x) => {
              const count = dims.reduce((product, dim) => product * dim, 1);
              const values = new Array<number>(count).fill(power);
              const exponent = floatConstant(graph, "p", dims, values);
              return addNode(graph, "Pow", [x as Value, exponent], broadcast([[3, 4], dims]));
            },
          },
          { wrt: ["x", "p"], range: [0.5, 2] },
        );
      });
    }
  }

  it("that differs by element, and of negative bases", async () => {
    await checkGradients(
      {
        inputs: { x: [3, 4] },
        opset: 18,
        build: (graph, x) => {
          const exponent = floatConstant(graph, "p", [4], [0, 1, 2, 3]);
          return addNode(graph, "Pow", [x as Value, exponent], [3, 4]);
        },
      },
      { wrt: ["x"], range: [-2, -0.5] },
    );
  });

  it("of an integer type", async () => {
    await checkGradients(
      {
        inputs: { x: [3, 4] },
        opset: 18,
        build: (graph, x) => {
          const exponent = graph.addInitializer("p", Tensor.int64([2, 3, 1, 5]));
          return addNode(graph, "Pow", [x as Value, exponent], [3, 4]);
        },
      },
      { wrt: ["x"], range: [-2, 2] },
    );
  });

  it("and with respect to a computed one, of one element or many", async () => {
    await checkGradients(
      {
        inputs: { x: [3, 4] },
        opset: 18,
        build: (graph, x) => {
          const exponent = addNode(graph, "Tanh", [randomWeight(graph, "p", [3, 1])], [3, 1]);
          return addNode(graph, "Pow", [x as Value, exponent], [3, 4]);
        },
      },
      { range: [0.5, 2] },
    );
  });
});

describe("arithmetic rules at kinks", () => {
  it("Abs has slope 0 at 0", async () => {
    const { x } = await derivativesAt({ opType: "Abs", inputs: { x: [-2, 0, 2] } });
    expect(x).toEqual([-1, 0, 1]);
  });

  it("equal operands of Max and Min share evenly, two or more", async () => {
    const inputs = { a: [1, 2, 2], b: [2, 2, 1] };
    const max = await derivativesAt({ opType: "Max", inputs });
    expect(max).toEqual({ a: [0, 0.5, 1], b: [1, 0.5, 0] });
    const min = await derivativesAt({ opType: "Min", inputs });
    expect(min).toEqual({ a: [1, 0.5, 0], b: [0, 0.5, 1] });
    const three = await derivativesAt({ opType: "Max", inputs: { ...inputs, c: [2, 1, 2] } });
    expect(three).toEqual({ a: [0, 0.5, 0.5], b: [0.5, 0.5, 0], c: [0.5, 0, 0.5] });
  });

  it("Max and Min of doubles share like floats", async () => {
    const inputs = { a: [1, 2, 3], b: [2, 2, 1] };
    const gradients = await derivativesAt({
      inputs,
      build: (ops, a, b) => {
        const most = ops.max(ops.cast(a as Value, "float64"), ops.cast(b as Value, "float64"));
        return ops.cast(most, "float32");
      },
    });
    expect(gradients).toEqual({ a: [0, 0.5, 1], b: [1, 0.5, 0] });
  });

  it("Pow at base 0 has no NaN where its power or its slope is finite", async () => {
    const { x, p } = await derivativesAt({
      opType: "Pow",
      inputs: { x: [0, 0, 0, 0], p: [0, 1, 2, 1.5] },
    });
    expect(x).toEqual([0, 1, 0, 0]);
    expect(p).toEqual([0, 0, 0, 0]);
    const constant = await derivativesAt({
      inputs: { x: [0, 0, 0, 3] },
      build: (ops, base) => ops.pow(base as Value, ops.constant(Tensor.float32([4], [0, 1, 2, 4]))),
    });
    expect(constant["x"]).toEqual([0, 1, 0, 108]);
  });
});
