import {
  type AttributeContent,
  type DataType,
  dataTypeCode,
  elementCount,
  evaluateNode,
  float,
  int,
  ints,
  kernels,
  Tensor,
  tensorAttribute,
} from "@ocrslim/graph";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nodesModel, runNodes, type SingleNode } from "../support/run-nodes.ts";

/** ONNX Runtime computes in float32 throughout, the kernels round once. */
const CLOSE = 2e-6;
/** Nodes that run in one session, and sessions. */
const NODES = 10;
const RUNS = 2;

type Spec = Omit<SingleNode, "outputTypes"> & { readonly outputTypes?: readonly DataType[] };
type Attributes = Readonly<Record<string, AttributeContent>>;

const dimsOf = (least = 0, most = 4): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: 4 }), { minLength: least, maxLength: most });

const float32 = fc.float({ min: -50, max: 50, noNaN: true });
const exact = fc.integer({ min: -9, max: 9 });

function tensor(
  dtype: DataType,
  dims: readonly number[],
  element: fc.Arbitrary<number> = dtype === "float32" || dtype === "float64" ? float32 : exact,
): fc.Arbitrary<Tensor> {
  const size = elementCount(dims);
  return fc.array(element, { minLength: size, maxLength: size }).map((values) => {
    switch (dtype) {
      case "int64":
        return Tensor.int64(values, dims);
      case "int32":
        return Tensor.from(dtype, dims, Int32Array.from(values));
      case "int8":
        return Tensor.from(dtype, dims, Int8Array.from(values));
      case "uint8":
        return Tensor.from(dtype, dims, Uint8Array.from(values));
      case "bool":
        return Tensor.from(
          dtype,
          dims,
          Uint8Array.from(values, (value) => value & 1),
        );
      case "float64":
        return Tensor.from(dtype, dims, Float64Array.from(values));
      default:
        return Tensor.float32(dims, values);
    }
  });
}

/** Dims that broadcast to `dims`. */
const shrunk = (dims: readonly number[]): fc.Arbitrary<number[]> =>
  fc
    .tuple(
      fc.integer({ min: 0, max: dims.length }),
      fc.array(fc.boolean(), { minLength: dims.length, maxLength: dims.length }),
    )
    .map(([drop, ones]) => dims.map((dim, axis) => (ones[axis] ? 1 : dim)).slice(drop));

const attributesOf = (attributes: Attributes = {}): { attributes: Attributes } => ({ attributes });

const unary = (
  opType: string,
  dtypes: readonly DataType[],
  element?: fc.Arbitrary<number>,
  attributes: Attributes = {},
): fc.Arbitrary<Spec> =>
  fc
    .tuple(fc.constantFrom(...dtypes), dimsOf())
    .chain(([dtype, dims]) => tensor(dtype, dims, element))
    .map((x) => ({ opType, inputs: [x], ...attributesOf(attributes) }));

const binary = (
  opType: string,
  dtypes: readonly DataType[],
  options: {
    readonly right?: fc.Arbitrary<number>;
    readonly left?: fc.Arbitrary<number>;
    readonly attributes?: Attributes;
    readonly outputType?: DataType;
  } = {},
): fc.Arbitrary<Spec> =>
  fc
    .tuple(fc.constantFrom(...dtypes), dimsOf())
    .chain(([dtype, dims]) =>
      fc
        .tuple(shrunk(dims), shrunk(dims))
        .chain(([left, right]) =>
          fc.tuple(tensor(dtype, left, options.left), tensor(dtype, right, options.right)),
        ),
    )
    .map((inputs) => ({
      opType,
      inputs,
      ...attributesOf(options.attributes),
      ...(options.outputType ? { outputTypes: [options.outputType] } : {}),
    }));

const nonZero = exact.filter((value) => value !== 0);
const positive = fc.float({ min: Math.fround(0.01), max: 50, noNaN: true });
const numeric: readonly DataType[] = ["float32", "float64", "int32", "int64"];
const bools: readonly DataType[] = ["bool"];
const floats: readonly DataType[] = ["float32"];
const moved: readonly DataType[] = ["float32", "int64", "int32", "bool", "uint8", "float64"];

/** A tensor of a random type and dims, and something chosen to fit its dims. */
const withDims = <T>(
  least: number,
  most: number,
  choose: (dims: readonly number[]) => fc.Arbitrary<T>,
): fc.Arbitrary<readonly [Tensor, T]> =>
  fc
    .tuple(fc.constantFrom(...moved), dimsOf(least, most))
    .chain(([dtype, dims]) => fc.tuple(tensor(dtype, dims), choose(dims)));

const axisOf = (dims: readonly number[]): fc.Arbitrary<number> =>
  fc.integer({ min: -dims.length, max: dims.length - 1 });

const reduction = (opType: string, dtypes: readonly DataType[]): fc.Arbitrary<Spec> =>
  fc
    .tuple(fc.constantFrom(...dtypes), dimsOf(1))
    .chain(([dtype, dims]) =>
      fc.tuple(
        tensor(dtype, dims, fc.integer({ min: -4, max: 4 })),
        fc.subarray([...dims.keys()], { minLength: 1 }),
        fc.integer({ min: 0, max: 1 }),
      ),
    )
    .map(([x, axes, keepdims]) =>
      opType === "ReduceSum"
        ? { opType, inputs: [x, Tensor.int64(axes)], attributes: { keepdims: int(keepdims) } }
        : { opType, inputs: [x], attributes: { keepdims: int(keepdims), axes: ints(axes) } },
    );

const cast = (from: DataType, to: DataType, element: fc.Arbitrary<number>): fc.Arbitrary<Spec> =>
  dimsOf()
    .chain((dims) => tensor(from, dims, element))
    .map((x) => ({
      opType: "Cast",
      inputs: [x],
      attributes: { to: int(dataTypeCode(to)) },
      outputTypes: [to],
    }));

const slices = withDims(1, 4, (dims) =>
  fc.tuple(
    ...dims.map((dim) =>
      fc.tuple(
        fc.integer({ min: -dim - 2, max: dim + 2 }),
        fc.integer({ min: -dim - 2, max: dim + 2 }),
        fc.constantFrom(1, 2, -1, -2, 3),
      ),
    ),
  ),
).map(
  ([x, ranges]): Spec => ({
    opType: "Slice",
    inputs: [
      x,
      Tensor.int64(ranges.map(([start]) => start)),
      Tensor.int64(ranges.map(([, end]) => end)),
      Tensor.int64([...ranges.keys()]),
      Tensor.int64(ranges.map(([, , step]) => step)),
    ],
  }),
);

const SPECS: Readonly<Record<string, fc.Arbitrary<Spec>>> = {
  Add: binary("Add", numeric),
  "Add, wrapping around": binary("Add", ["int32"], {
    left: fc.integer(),
    right: fc.integer(),
  }),
  Sub: binary("Sub", numeric),
  Mul: binary("Mul", numeric),
  "Mul, wrapping around": binary("Mul", ["int32", "int64"], {
    left: fc.integer(),
    right: fc.integer(),
  }),
  Div: binary("Div", numeric, { right: nonZero }),
  "Mod with the divisor's sign": binary("Mod", ["int32", "int64"], { right: nonZero }),
  "Mod with the dividend's sign": binary("Mod", numeric, {
    right: nonZero,
    attributes: { fmod: int(1) },
  }),
  Pow: binary("Pow", ["float32"], { left: positive, right: fc.integer({ min: -3, max: 3 }) }),
  Min: binary("Min", numeric),
  Max: binary("Max", numeric),
  Sum: binary("Sum", floats),
  Mean: binary("Mean", floats),
  Equal: binary("Equal", numeric, { left: exact, right: exact, outputType: "bool" }),
  Greater: binary("Greater", numeric, { left: exact, right: exact, outputType: "bool" }),
  GreaterOrEqual: binary("GreaterOrEqual", numeric, { left: exact, outputType: "bool" }),
  Less: binary("Less", numeric, { left: exact, right: exact, outputType: "bool" }),
  LessOrEqual: binary("LessOrEqual", numeric, { left: exact, outputType: "bool" }),
  And: binary("And", bools),
  Or: binary("Or", bools),
  Xor: binary("Xor", bools),
  Not: unary("Not", bools),
  Neg: unary("Neg", numeric),
  Abs: unary("Abs", numeric),
  Sign: unary("Sign", numeric),
  Relu: unary("Relu", floats),
  Ceil: unary("Ceil", floats),
  Floor: unary("Floor", floats),
  Round: unary(
    "Round",
    floats,
    fc.integer({ min: -9, max: 9 }).map((value) => value / 2),
  ),
  Reciprocal: unary("Reciprocal", floats, positive),
  Sqrt: unary("Sqrt", floats, positive),
  Exp: unary("Exp", floats, fc.float({ min: -20, max: 20, noNaN: true })),
  Log: unary("Log", floats, positive),
  Erf: unary("Erf", floats, fc.float({ min: -5, max: 5, noNaN: true })),
  Sin: unary("Sin", floats),
  Cos: unary("Cos", floats),
  Tanh: unary("Tanh", floats),
  Sigmoid: unary("Sigmoid", floats),
  Softplus: unary("Softplus", floats),
  HardSwish: unary("HardSwish", floats),
  HardSigmoid: unary("HardSigmoid", floats, float32, { alpha: float(0.25), beta: float(0.5) }),
  LeakyRelu: unary("LeakyRelu", floats, float32, { alpha: float(0.125) }),
  Clip: fc
    .tuple(fc.constantFrom(...numeric), dimsOf())
    .chain(([dtype, dims]) =>
      fc.tuple(tensor(dtype, dims), tensor(dtype, [], fc.constant(-3)), tensor(dtype, [], exact)),
    )
    .map((inputs) => ({ opType: "Clip", inputs })),
  Where: fc
    .tuple(fc.constantFrom<DataType>("float32", "int64", "uint8"), dimsOf())
    .chain(([dtype, dims]) =>
      fc
        .tuple(shrunk(dims), shrunk(dims), shrunk(dims))
        .chain(([condition, left, right]) =>
          fc.tuple(tensor("bool", condition), tensor(dtype, left), tensor(dtype, right)),
        ),
    )
    .map((inputs) => ({ opType: "Where", inputs, outputTypes: [inputs[1].dtype] })),
  "Cast float32 to int64": cast("float32", "int64", float32),
  "Cast float32 to int32": cast("float32", "int32", float32),
  "Cast float32 to bool": cast("float32", "bool", fc.constantFrom(0, 0.5, -1)),
  "Cast float32 to float16": cast("float32", "float16", fc.float({ noNaN: true })),
  "Cast float64 to float32": cast(
    "float64",
    "float32",
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  ),
  "Cast int64 to float32": cast("int64", "float32", fc.integer()),
  "Cast int64 to int32": cast("int64", "int32", fc.maxSafeInteger()),
  "Cast int64 to uint8": cast("int64", "uint8", fc.maxSafeInteger()),
  "Cast int64 to bool": cast("int64", "bool", exact),
  "Cast int32 to float32": cast("int32", "float32", fc.integer()),
  "Cast bool to float32": cast("bool", "float32", exact),
  CastLike: dimsOf()
    .chain((dims) => fc.tuple(tensor("int64", dims), tensor("float32", [])))
    .map((inputs) => ({ opType: "CastLike", inputs, outputTypes: ["float32"] as const })),
  Identity: unary("Identity", moved),
  Dropout: unary("Dropout", floats),
  Reshape: withDims(1, 4, () => fc.constant(0)).map(([x]) => ({
    opType: "Reshape",
    inputs: [x, Tensor.int64([1, -1, 1])],
  })),
  Flatten: withDims(1, 4, axisOf).map(([x, axis]) => ({
    opType: "Flatten",
    inputs: [x],
    attributes: { axis: int(axis) },
  })),
  Unsqueeze: withDims(0, 3, (dims) => fc.integer({ min: -dims.length - 1, max: dims.length })).map(
    ([x, axis]) => ({ opType: "Unsqueeze", inputs: [x, Tensor.int64([axis])] }),
  ),
  Squeeze: withDims(1, 4, axisOf).map(([x, axis]) => {
    const dims = x.dims.map((dim, at) => (at === (axis + x.dims.length) % x.dims.length ? 1 : dim));
    const count = elementCount(dims);
    const cut = Tensor.from(x.dtype, dims, x.bytes.slice(0, (x.byteLength / x.size) * count));
    return { opType: "Squeeze", inputs: [cut, Tensor.int64([axis])] };
  }),
  Transpose: withDims(1, 4, (dims) =>
    fc.shuffledSubarray([...dims.keys()], { minLength: dims.length }),
  ).map(([x, order]) => ({ opType: "Transpose", inputs: [x], attributes: { perm: ints(order) } })),
  Expand: withDims(0, 3, (dims) => fc.tuple(shrunk(dims), fc.integer({ min: 1, max: 3 }))).map(
    ([x, [target, extra]]) => ({
      opType: "Expand",
      inputs: [
        x,
        Tensor.int64([extra, ...x.dims.map((dim, i) => target[i - x.dims.length] ?? dim)]),
      ],
    }),
  ),
  Tile: withDims(1, 3, (dims) =>
    fc.array(fc.integer({ min: 1, max: 3 }), { minLength: dims.length, maxLength: dims.length }),
  ).map(([x, repeats]) => ({ opType: "Tile", inputs: [x, Tensor.int64(repeats)] })),
  Slice: slices,
  Pad: dimsOf(1, 3)
    .chain((dims) =>
      fc.tuple(
        tensor("float32", dims),
        fc.array(fc.integer({ min: 0, max: 2 }), {
          minLength: 2 * dims.length,
          maxLength: 2 * dims.length,
        }),
        tensor("float32", []),
      ),
    )
    .map(([x, pads, fill]) => ({ opType: "Pad", inputs: [x, Tensor.int64(pads), fill] })),
  Gather: withDims(1, 3, (dims) =>
    axisOf(dims).chain((axis) => {
      const size = dims.at(axis)!;
      return fc.tuple(
        fc.constant(axis),
        dimsOf(0, 2).chain((own) =>
          tensor("int64", own, fc.integer({ min: -size, max: size - 1 })),
        ),
      );
    }),
  ).map(([x, [axis, indices]]) => ({
    opType: "Gather",
    inputs: [x, indices],
    attributes: { axis: int(axis) },
  })),
  GatherElements: withDims(1, 3, (dims) =>
    axisOf(dims).chain((axis) => {
      const size = dims.at(axis)!;
      return fc.tuple(
        fc.constant(axis),
        tensor("int64", dims, fc.integer({ min: -size, max: size - 1 })),
      );
    }),
  ).map(([x, [axis, indices]]) => ({
    opType: "GatherElements",
    inputs: [x, indices],
    attributes: { axis: int(axis) },
  })),
  Concat: withDims(1, 3, (dims) => fc.tuple(axisOf(dims), fc.integer({ min: 1, max: 3 }))).map(
    ([x, [axis, count]]) => ({
      opType: "Concat",
      inputs: new Array<Tensor>(count).fill(x),
      attributes: { axis: int(axis) },
    }),
  ),
  Split: withDims(1, 3, axisOf).map(([x, axis]) => {
    const size = x.dims.at(axis)!;
    const first = Math.ceil(size / 2);
    return {
      opType: "Split",
      inputs: [x, Tensor.int64([first, size - first])],
      attributes: { axis: int(axis) },
      outputTypes: [x.dtype, x.dtype],
    };
  }),
  Trilu: withDims(2, 3, () =>
    fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: -3, max: 3 })),
  )
    .filter(([x]) => ["float32", "float64", "int64"].includes(x.dtype))
    .map(([x, [upper, diagonal]]) => ({
      opType: "Trilu",
      inputs: [x, Tensor.int64([diagonal], [])],
      attributes: { upper: int(upper) },
    })),
  Shape: withDims(0, 4, (dims) =>
    fc.tuple(
      fc.integer({ min: -dims.length - 1, max: dims.length + 1 }),
      fc.integer({ min: -dims.length - 1, max: dims.length + 1 }),
    ),
  ).map(([x, [start, end]]) => ({
    opType: "Shape",
    inputs: [x],
    attributes: { start: int(start), end: int(end) },
    outputTypes: ["int64"] as const,
  })),
  Size: withDims(0, 4, () => fc.constant(0)).map(([x]) => ({
    opType: "Size",
    inputs: [x],
    outputTypes: ["int64"] as const,
  })),
  NonZero: withDims(1, 3, () => fc.constant(0))
    .filter(([x]) => x.dtype !== "float64")
    .map(([x]) => ({ opType: "NonZero", inputs: [x], outputTypes: ["int64"] as const })),
  Constant: dimsOf()
    .chain((dims) => tensor("float32", dims))
    .map((value) => ({
      opType: "Constant",
      inputs: [],
      attributes: { value: tensorAttribute(value) },
      outputTypes: ["float32"] as const,
    })),
  ConstantOfShape: dimsOf(1, 3).map((dims) => ({
    opType: "ConstantOfShape",
    inputs: [Tensor.int64(dims)],
    attributes: { value: tensorAttribute(Tensor.int64([7])) },
  })),
  Range: fc
    .constantFrom<DataType>("int64", "int32", "float32")
    .chain((dtype) =>
      fc.tuple(tensor(dtype, [], exact), tensor(dtype, [], exact), tensor(dtype, [], nonZero)),
    )
    .map((inputs) => ({ opType: "Range", inputs })),
  ReduceSum: reduction("ReduceSum", ["float32", "int32", "int64"]),
  ReduceMean: reduction("ReduceMean", floats),
  ReduceProd: reduction("ReduceProd", ["float32", "int32"]),
  ReduceMax: reduction("ReduceMax", ["float32", "int32", "int64"]),
  ReduceMin: reduction("ReduceMin", ["float32", "int32", "int64"]),
  ReduceL1: reduction("ReduceL1", floats),
  ReduceL2: reduction("ReduceL2", floats),
  ReduceSumSquare: reduction("ReduceSumSquare", floats),
};

function expectSameTensor(actual: Tensor, expected: Tensor): void {
  expect([actual.dtype, ...actual.dims]).toEqual([expected.dtype, ...expected.dims]);
  const isFloat = expected.dtype === "float32" || expected.dtype === "float64";
  if (!isFloat) {
    expect([...actual.bytes]).toEqual([...expected.bytes]);
    return;
  }
  const values = actual.toNumbers();
  expected.toNumbers().forEach((value, index) => {
    expect(Math.abs(values[index]! - value)).toBeLessThanOrEqual(
      CLOSE * Math.max(1, Math.abs(value)),
    );
  });
}

describe("evaluateNode", () => {
  it.each(Object.entries(SPECS))("computes what ONNX Runtime computes: %s", async (_, specs) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(specs, { minLength: NODES, maxLength: NODES }),
        async (partials) => {
          const full = partials.map(
            (spec): SingleNode => ({
              outputTypes: [spec.inputs[0]?.dtype ?? "float32"],
              ...spec,
            }),
          );
          const { model, nodes } = nodesModel(full);
          const expected = await runNodes(full);
          nodes.forEach((node, at) => {
            const actual = evaluateNode(node, full[at]!.inputs, model.opset);
            expect(actual).toHaveLength(expected[at]!.length);
            expected[at]!.forEach((tensor, index) => {
              expectSameTensor(actual![index]!, tensor);
            });
          });
        },
      ),
      { numRuns: RUNS, seed: 3 },
    );
  });

  it("is compared with ONNX Runtime on every operator it has a kernel for", () => {
    const tested = new Set(Object.keys(SPECS).map((name) => name.split(/[ ,]/)[0]));
    expect([...kernels.keys()].filter((opType) => !tested.has(opType))).toEqual([]);
  });
});
