import {
  createRandom,
  dataTypeCode,
  float,
  Graph,
  int,
  ints,
  kernels,
  Model,
  Tensor,
  tensorAttribute,
} from "@ocrslim/graph";
import { evaluateModel, expectClose } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { referenceKernels } from "../../src/reference/reference-kernels.ts";
import { operatorCases } from "./cases.ts";
import { buildCase, type OperatorCase, runCase } from "./run-case.ts";

/** Operators of ONNX Runtime's CPU provider at the newest opset it has; newer ones are left out. */
const WITHOUT_RUNTIME = ["Swish"];

describe("the reference evaluator", () => {
  const opTypes = [...new Set(operatorCases.map(({ opType }) => opType))];

  it.each(opTypes)("computes %s as ONNX Runtime does", async (opType) => {
    const failures: string[] = [];
    for (const spec of operatorCases.filter((other) => other.opType === opType)) {
      const what = JSON.stringify({ ...spec, inputs: spec.inputs.map((input) => input?.dims) });
      try {
        const { actual, expected } = await runCase(spec);
        for (const [name, tensor] of Object.entries(expected)) {
          const own = actual[name];
          if (!own) throw new Error(`no ${name}`);
          expectClose(own, tensor, { rtol: 1e-4, atol: 1e-5 }, name);
        }
      } catch (error) {
        failures.push(`${what}: ${error}`);
      }
    }
    expect(failures).toEqual([]);
  });

  it("is compared with ONNX Runtime for each of its operators", () => {
    const missing = [...referenceKernels.keys()].filter((opType) => !opTypes.includes(opType));
    expect(missing).toEqual(WITHOUT_RUNTIME);
  });

  it("computes Swish by its definition", () => {
    const { model, feeds } = buildCase({
      opType: "Swish",
      inputs: [{ dims: [9] }],
      attributes: { alpha: float(0.5) },
      opset: 24,
    });
    const data = feeds["x0"]?.toNumbers() ?? new Float64Array(0);
    const { y0 } = evaluateModel(model, { x0: { dims: [9], data } });
    expectClose(y0 as NonNullable<typeof y0>, {
      dims: [9],
      data: data.map((x) => x / (1 + Math.exp(-0.5 * x))),
    });
  });
});

/** Smooth operators whose kernels are those of `@ocrslim/graph`, with operands that suit them. */
const shared: readonly OperatorCase[] = [
  ...["Pow", "Min", "Max", "Mean"].map((opType) => ({
    opType,
    inputs: [
      { dims: [3, 4], range: [0.3, 2] as const },
      { dims: [4], range: [0.4, 2] as const },
    ],
  })),
  ...[
    ...["Neg", "Abs", "Relu", "Reciprocal", "Sqrt", "Exp", "Log", "Erf", "Sin", "Cos", "Tanh"],
    ...["Sigmoid", "Softplus", "HardSwish", "HardSigmoid", "LeakyRelu", "Identity", "Flatten"],
    ...["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2"],
    ...["ReduceProd", "ReduceSumSquare", "Clip", "Trilu", "Squeeze"],
  ].map((opType) => ({ opType, inputs: [{ dims: [3, 4], range: [0.3, 2] as const }] })),
  { opType: "Concat", inputs: [{ dims: [3] }, { dims: [4] }], attributes: { axis: int(0) } },
  ...["Reshape", "Expand", "Tile", "Unsqueeze", "Gather"].map((opType) => ({
    opType,
    inputs: [
      { dims: [1, 4] },
      Tensor.int64(opType === "Unsqueeze" || opType === "Gather" ? [0] : [1, 4]),
    ],
  })),
  {
    opType: "GatherElements",
    inputs: [{ dims: [2, 4] }, Tensor.int64([1, 0, 1, 0], [1, 4])],
  },
  { opType: "Split", inputs: [{ dims: [4] }], attributes: { num_outputs: int(1) } },
  {
    opType: "Slice",
    inputs: [{ dims: [4] }, Tensor.int64([1]), Tensor.int64([4])],
  },
  {
    opType: "Where",
    inputs: [Tensor.from("bool", [3], Uint8Array.of(1, 0, 1)), { dims: [3] }, { dims: [3] }],
  },
  ...["Cast", "CastLike"].map((opType) => ({
    opType,
    inputs: opType === "Cast" ? [{ dims: [4] }] : [{ dims: [4] }, { dims: [1] }],
    attributes: opType === "Cast" ? { to: int(dataTypeCode("float32")) } : {},
  })),
];

/** Kernels of `@ocrslim/graph` that round to whole numbers, compare, or make new tensors. */
const NOT_SMOOTH: ReadonlySet<string> = new Set([
  ...["Not", "And", "Or", "Xor", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"],
  ...["Sign", "Ceil", "Floor", "Round", "Mod", "NonZero", "Range"],
  ...["Constant", "ConstantOfShape", "Shape", "Size"],
]);

describe("double precision", () => {
  const isShared = (opType: string): boolean => !referenceKernels.has(opType);

  it("is asked of each smooth kernel of @ocrslim/graph", () => {
    const covered = new Set(shared.map(({ opType }) => opType));
    const missing = [...kernels.keys()].filter(
      (opType) => isShared(opType) && !NOT_SMOOTH.has(opType) && !covered.has(opType),
    );
    expect(missing).toEqual([]);
  });

  it.each([...shared, ...operatorCases.filter(isSmooth)])(
    "is not lost within $opType, to which 1e-10 makes a difference ($attributes)",
    (spec) => {
      const { model, feeds } = buildCase(spec);
      const random = createRandom(3);
      const run = (step: number): Float64Array => {
        const moved = Object.entries(feeds).map(([name, tensor]) => {
          const data = tensor.toNumbers().map((x) => x + step * (0.5 + random()));
          return [name, { dims: tensor.dims, data }] as const;
        });
        return evaluateModel(model, Object.fromEntries(moved))["y0"]?.data ?? new Float64Array(0);
      };
      const start = run(0);
      const changes = run(1e-10).map((y, index) => Math.abs(y - (start[index] ?? 0)));
      const most = Math.max(...changes);
      // Within single precision it would be none, or a step of about 1e-7.
      expect(most).toBeGreaterThan(1e-12);
      expect(most).toBeLessThan(2e-8);
    },
  );

  it("is that of casts, constants and filled tensors, too", () => {
    const graph = new Graph();
    const cast = (
      value: Parameters<typeof graph.setOutputs>[0][number],
      to: "float32" | "float16",
    ) =>
      graph.createNode({
        opType: "Cast",
        inputs: [value],
        attributes: { to: int(dataTypeCode(to)) },
      }).output;
    const x = graph.addInput("x", { kind: "tensor", dtype: "float32", shape: [2] });
    const filled = graph.createNode({
      opType: "ConstantOfShape",
      inputs: [graph.addInitializer("shape", Tensor.int64([2]))],
      attributes: { value: tensorAttribute(Tensor.from("float16", [1], Uint16Array.of(0x3c00))) },
    }).output;
    const half = graph.addInitializer("half", Tensor.from("float16", [], Uint16Array.of(0x3800)));
    const sum = graph.createNode({
      opType: "Sum",
      inputs: [cast(cast(x, "float16"), "float32"), filled, half],
      outputs: ["y"],
    }).output;
    graph.setOutputs([sum]);
    const model = new Model(graph);
    model.setOpset("", 18);
    const { y } = evaluateModel(model, { x: { dims: [2], data: Float64Array.of(0.1, 1 / 3) } });
    expect(y).toEqual({ dtype: "float64", dims: [2], data: Float64Array.of(1.6, 1 / 3 + 1.5) });
  });
});

/** Whether elements of the first output move with the inputs. */
function isSmooth({ opType, outputTypes, inputs }: OperatorCase): boolean {
  const isFed = inputs.some((input) => input !== undefined && !(input instanceof Tensor));
  const isIndex = (outputTypes?.[0] ?? "float32") !== "float32";
  return isFed && !isIndex && !["EyeLike", "OneHot"].includes(opType);
}

describe("evaluateModel", () => {
  const build = (): Model => {
    const graph = new Graph();
    const x = graph.addInput("x", { kind: "tensor", dtype: "float32", shape: [2] });
    const weight = graph.addInitializer("w", Tensor.float32([2], [3, 5]));
    const product = graph.createNode({ opType: "Mul", inputs: [x, weight], outputs: ["p"] }).output;
    const odd = graph.createNode({
      opType: "Strange",
      inputs: [product],
      outputs: ["s"],
      name: "odd one",
    }).output;
    graph.setOutputs([product, odd]);
    const model = new Model(graph);
    model.setOpset("", 18);
    return model;
  };
  const x = { dims: [2], data: Float64Array.of(1, 2) };

  it("runs only the nodes before the values wanted", () => {
    expect(evaluateModel(build(), { x }, { values: ["p", "w"] })).toEqual({
      p: { dtype: "float64", dims: [2], data: Float64Array.of(3, 10) },
      w: { dtype: "float64", dims: [2], data: Float64Array.of(3, 5) },
    });
  });

  it("takes feeds in place of initializers and of inner values", () => {
    const w = { dims: [2], data: Float64Array.of(-1, 0.5) };
    expect(evaluateModel(build(), { x, w }, { values: ["p"] })["p"]?.data).toEqual(
      Float64Array.of(-1, 1),
    );
    expect(evaluateModel(build(), { p: w }, { values: ["p"] })["p"]?.data).toEqual(w.data);
  });

  it("names the node of an operator it does not know", () => {
    expect(() => evaluateModel(build(), { x })).toThrow(/Strange "odd one" has no kernel/);
  });

  it("takes kernels for more operators", () => {
    const strange = new Map([
      ["Strange", ({ tensor }: { tensor: (index: number) => Tensor }) => [tensor(0)]],
    ]);
    expect(evaluateModel(build(), { x }, { kernels: strange })["s"]?.data).toEqual(
      Float64Array.of(3, 10),
    );
  });

  it("names values that are unknown, absent or of the wrong size", () => {
    expect(() => evaluateModel(build(), {}, { values: ["p"] })).toThrow(/"x" is not computed/);
    expect(() => evaluateModel(build(), { x }, { values: ["q"] })).toThrow(/no value "q"/);
    expect(() => evaluateModel(build(), { q: x }, { values: ["p"] })).toThrow(/no value "q"/);
    expect(() => evaluateModel(build(), { x: { ...x, dims: [3] } }, { values: ["p"] })).toThrow(
      /feed "x" of dims \[3\] has 2 elements/,
    );
  });

  it("refuses what is random or not covered", () => {
    const { model } = buildCase({
      opType: "Resize",
      inputs: [{ dims: [1, 1, 4, 4] }, undefined, Tensor.float32([4], [1, 1, 0.5, 0.5])],
      attributes: { antialias: int(1), axes: ints([0, 1, 2, 3]) },
    });
    const x0 = { dims: [1, 1, 4, 4], data: new Float64Array(16) };
    expect(() => evaluateModel(model, { x0 })).toThrow(/antialias/);
  });
});
