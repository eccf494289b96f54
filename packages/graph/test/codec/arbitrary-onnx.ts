import fc from "fast-check";
import { byteLength, createRandom, type DataType, dataTypeBits } from "../../src/index.ts";
import type {
  AttributeSpec,
  DimSpec,
  GraphSpec,
  InfoSpec,
  ModelSpec,
  NodeSpec,
  TensorSpec,
} from "./onnx-spec.ts";
import type { WireStyle } from "./wire.ts";

const ALL_TYPES: readonly DataType[] = [
  "float32",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  "string",
  "bool",
  "float16",
  "float64",
  "uint32",
  "uint64",
  "complex64",
  "complex128",
  "bfloat16",
  "float8e4m3fn",
  "float8e4m3fnuz",
  "float8e5m2",
  "float8e5m2fnuz",
  "uint4",
  "int4",
  "float4e2m1",
  "float8e8m0",
  "uint2",
  "int2",
];

const EXTREMES = [-(2n ** 63n), 2n ** 63n - 1n, -1n, 0n, 2n ** 53n + 1n, -(2n ** 31n)];

/** Elements of a type as they lie in `raw_data`, extremes among them. */
function elementBytes(dtype: DataType, dims: readonly number[], seed: number): Uint8Array {
  const random = createRandom(seed);
  const bytes = Uint8Array.from({ length: byteLength(dtype, dims) }, () =>
    dtype === "bool" ? Math.floor(random() * 2) : Math.floor(random() * 256),
  );
  if (dataTypeBits(dtype) === 64 && dtype.includes("int")) {
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += 16)
      view.setBigInt64(at, EXTREMES[Math.floor(random() * EXTREMES.length)] ?? 0n, true);
  }
  return bytes;
}

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const packing = fc.constantFrom("packed", "unpacked", "mixed");

/** Without a name; those are given where the tensor stands. */
const tensor: fc.Arbitrary<Omit<TensorSpec, "name">> = fc
  .record({
    dtype: fc.constantFrom(...ALL_TYPES),
    dims: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
    seed: fc.nat(),
    text,
    storage: fc.constantFrom("raw", "external", "packed", "unpacked", "mixed"),
  })
  .map(({ dtype, dims, seed, text: prefix, storage }) => ({
    dtype,
    dims,
    bytes: elementBytes(dtype, dims, seed),
    strings:
      dtype === "string"
        ? Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, index) => `${prefix}${index}`)
        : [],
    storage: dtype === "string" ? "raw" : storage,
  }));

const dim: fc.Arbitrary<DimSpec> = fc.oneof(
  fc.integer({ min: 0, max: 1000 }),
  fc.constantFrom("batch", "N"),
  fc.constant(undefined),
);

const info: fc.Arbitrary<Omit<InfoSpec, "name">> = fc.record({
  kind: fc.constantFrom(
    "tensor",
    "tensor",
    "tensor",
    "sequence",
    "map",
    "optional",
    "sparse",
    "none",
  ),
  dtype: fc.constantFrom(...ALL_TYPES),
  shape: fc.option(fc.array(dim, { maxLength: 4 }), { nil: undefined }),
});

interface AttributeDraft {
  readonly pick: number;
  readonly hasType: boolean;
  readonly numbers: readonly number[];
  readonly integers: readonly bigint[];
  readonly texts: readonly string[];
  readonly tensors: readonly Omit<TensorSpec, "name">[];
  readonly packing: "packed" | "unpacked" | "mixed";
}

const attribute: fc.Arbitrary<AttributeDraft> = fc.record({
  pick: fc.nat(12),
  hasType: fc.boolean(),
  numbers: fc.array(fc.float({ noNaN: true }), { maxLength: 5 }),
  integers: fc.array(fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-300n, 300n)), {
    maxLength: 5,
  }),
  texts: fc.array(text, { maxLength: 3 }),
  tensors: fc.array(tensor, { maxLength: 2 }),
  packing,
});

interface NodeDraft {
  readonly op: number;
  readonly domain: string;
  readonly name: string;
  /** Which value, counted back; below 0 = absent. */
  readonly inputs: readonly number[];
  /** Whether each output is there. */
  readonly outputs: readonly boolean[];
  readonly attributes: readonly AttributeDraft[];
}

const node: fc.Arbitrary<NodeDraft> = fc.record({
  op: fc.nat(3),
  domain: fc.constantFrom("", "", "ai.onnx", "com.example"),
  name: text,
  inputs: fc.array(fc.integer({ min: -1, max: 9 }), { maxLength: 4 }),
  outputs: fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }),
  attributes: fc.array(attribute, { maxLength: 3 }),
});

interface GraphDraft {
  readonly inputs: readonly Omit<InfoSpec, "name">[];
  readonly initializers: readonly Omit<TensorSpec, "name">[];
  readonly sparse: readonly number[];
  readonly nodes: readonly NodeDraft[];
  readonly infos: readonly Omit<InfoSpec, "name">[];
  readonly outputs: readonly number[];
}

const graph: fc.Arbitrary<GraphDraft> = fc.record({
  inputs: fc.array(info, { maxLength: 3 }),
  initializers: fc.array(tensor, { maxLength: 4 }),
  sparse: fc.array(fc.nat(5), { maxLength: 1 }),
  nodes: fc.array(node, { maxLength: 5 }),
  infos: fc.array(info, { maxLength: 3 }),
  outputs: fc.array(fc.nat(5), { minLength: 1, maxLength: 2 }),
});

/** Gives names, and hangs the graphs after the first into nodes of those before them. */
class Namer {
  #count = 0;
  readonly #waiting: GraphDraft[];

  constructor(subgraphs: readonly GraphDraft[]) {
    this.#waiting = [...subgraphs];
  }

  #next(prefix: string): string {
    this.#count++;
    return `${prefix}${this.#count}`;
  }

  graph(draft: GraphDraft, outer: readonly string[]): GraphSpec {
    const inputs = draft.inputs.map((item) => ({ ...item, name: this.#next("in_") }));
    const initializers = draft.initializers.map((item) => ({ ...item, name: this.#next("w_ü") }));
    const sparse = draft.sparse.map((length) => ({
      name: this.#next("sparse_"),
      dtype: "float32" as const,
      dims: [length],
      bytes: new Uint8Array(length * 4).fill(63),
      strings: [],
      storage: "raw" as const,
    }));
    const known = [...outer, ...[...inputs, ...initializers, ...sparse].map(({ name }) => name)];
    const nodes: NodeSpec[] = [];
    const made: string[] = [];
    for (const item of draft.nodes) {
      const outputs = item.outputs.map((isThere) => (isThere ? this.#next("v_") : ""));
      nodes.push({
        opType: ["Relu", "Conv", "If", "Custom"][item.op] ?? "Relu",
        domain: item.domain,
        name: item.name,
        inputs: item.inputs.map((back) =>
          back < 0 ? "" : (known[known.length - 1 - (back % Math.max(1, known.length))] ?? ""),
        ),
        outputs,
        attributes: item.attributes.map((one, index) => this.#attribute(one, `a${index}`, known)),
      });
      const fresh = outputs.filter((name) => name !== "");
      known.push(...fresh);
      made.push(...fresh);
    }
    const infos = made.slice(0, draft.infos.length).map((name, index) => ({
      ...(draft.infos[index] as Omit<InfoSpec, "name">),
      name,
    }));
    const outputs = [
      ...new Set(
        draft.outputs
          .map((back) => made[made.length - 1 - back])
          .filter((name) => name !== undefined),
      ),
    ]
      .filter((name) => infos.every((one) => one.name !== name))
      .map((name) => ({
        name,
        kind: "tensor" as const,
        dtype: "float32" as const,
        shape: undefined,
      }));
    return { name: this.#next("graph "), inputs, outputs, infos, initializers, sparse, nodes };
  }

  #tensor(draft: Omit<TensorSpec, "name">): TensorSpec {
    return { ...draft, name: this.#count % 2 ? "" : this.#next("inner_") };
  }

  #attribute(draft: AttributeDraft, name: string, known: readonly string[]): AttributeSpec {
    const { hasType, numbers, integers, texts, tensors, packing: how } = draft;
    const base = { name, hasType };
    const subgraph = draft.pick >= 10 ? this.#waiting.pop() : undefined;
    if (subgraph) {
      const value = this.graph(subgraph, known);
      return draft.pick === 10
        ? { ...base, type: "graphs", value: [value] }
        : { ...base, type: "graph", value };
    }
    const [first] = tensors;
    switch (draft.pick) {
      case 0:
        return { ...base, type: "float", value: numbers[0] ?? 0.5 };
      case 1:
        return { ...base, type: "int", value: integers[0] ?? 7n };
      case 2:
        return { ...base, type: "string", value: texts[0] ?? "" };
      case 3:
        return { ...base, type: "floats", value: numbers, packing: how };
      case 4:
        return { ...base, type: "strings", value: texts };
      case 5:
        return { ...base, type: "tensors", value: tensors.map((one) => this.#tensor(one)) };
      case 6:
        return { ...base, type: "opaque", value: hasType ? "sparse" : "type" };
      case 7:
        return { ...base, type: "opaque", value: hasType ? "reference" : "bytes" };
      case 8:
        if (first) return { ...base, type: "tensor", value: this.#tensor(first) };
    }
    return { ...base, type: "ints", value: integers, packing: how };
  }
}

export const modelSpec: fc.Arbitrary<ModelSpec> = fc
  .record({
    irVersion: fc.integer({ min: 3, max: 13 }),
    producerName: text,
    opset: fc.integer({ min: 7, max: 25 }),
    isSpelledOut: fc.boolean(),
    metadata: fc.uniqueArray(fc.tuple(text, text), { maxLength: 3, selector: ([key]) => key }),
    functions: fc.nat(2),
    hasTraining: fc.boolean(),
    graph,
    subgraphs: fc.array(graph, { maxLength: 3 }),
  })
  .map(({ opset, isSpelledOut, functions, graph: draft, subgraphs, ...rest }) => ({
    ...rest,
    opsets: [
      [isSpelledOut ? "ai.onnx" : "", opset],
      ["com.example", 1],
    ],
    functions: Array.from({ length: functions }, (_, index) => `F${index}`),
    graph: new Namer(subgraphs).graph(draft, []),
  }));

/** How a file is written: the seed decides the rest. */
export interface StyleDraft {
  readonly seed: number;
  readonly isShuffled: boolean;
  readonly isPadded: boolean;
  readonly isDoubled: boolean;
  readonly hasUnknown: boolean;
}

export const wireStyle: fc.Arbitrary<StyleDraft> = fc.record({
  seed: fc.nat(),
  isShuffled: fc.boolean(),
  isPadded: fc.boolean(),
  isDoubled: fc.boolean(),
  hasUnknown: fc.boolean(),
});

/** Collects the content of unknown fields in `unknown`. */
export function toStyle(draft: StyleDraft, unknown: Uint8Array[] = []): WireStyle {
  return {
    random: createRandom(draft.seed),
    isShuffled: draft.isShuffled,
    isPadded: draft.isPadded,
    isDoubled: draft.isDoubled,
    unknown: draft.hasUnknown ? (content) => unknown.push(content) : undefined,
  };
}
