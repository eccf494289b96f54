import { PLAIN, Wire, type WireField } from "../codec/wire.ts";

export const w: Wire = new Wire(PLAIN);
export const text = (value: string): Uint8Array => new TextEncoder().encode(value);

interface NodeFields {
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly attributes?: readonly WireField[];
}

export function node({ op, inputs = [], outputs = [], attributes = [] }: NodeFields): WireField {
  return w.message(1, [
    ...inputs.map((name) => w.item(1, name)),
    ...outputs.map((name) => w.item(2, name)),
    ...w.text(4, op),
    ...attributes,
  ]);
}

export function valueInfo(
  id: number,
  name: string | Uint8Array,
  dims: readonly number[],
): WireField {
  const shape = w.message(
    2,
    dims.map((dim) => w.message(1, w.int(1, dim))),
  );
  const nameField = typeof name === "string" ? w.text(1, name) : w.bytes(1, name);
  return w.message(id, [...nameField, w.message(2, [w.message(1, [...w.int(1, 1), shape])])]);
}

export function tensor(
  name: string,
  dims: readonly number[],
  fields: readonly WireField[],
  code = 1,
): WireField {
  return w.message(5, [
    ...w.ints(1, dims.map(BigInt), "packed"),
    ...w.int(2, code),
    ...w.text(8, name),
    ...fields,
  ]);
}

export const floats = (count: number): WireField[] => w.bytes(9, new Uint8Array(count * 4));
export const int = (name: string, value: number | bigint): WireField =>
  w.message(5, [...w.text(1, name), ...w.int(3, value), ...w.int(20, 2)]);
export const ints = (name: string, values: readonly bigint[]): WireField =>
  w.message(5, [...w.text(1, name), ...w.ints(8, values, "packed"), ...w.int(20, 7)]);
export const int64 = (name: string, values: readonly bigint[]): WireField =>
  tensor(name, [values.length], w.ints(7, values, "packed"), 7);

export function model(...graph: WireField[]): Uint8Array {
  return w.encode([...w.int(1, 8), w.message(7, graph), w.message(8, w.int(2, 17))]);
}

export const x: WireField = valueInfo(11, "x", [1, 4, 8, 8]);
export const y: WireField = valueInfo(12, "y", [1, 4, 8, 8]);

/** If nodes within If nodes, `depth` of them. */
export function nested(depth: number): Uint8Array {
  let graph: WireField[] = [node({ op: "Relu", inputs: ["x"], outputs: ["z"] })];
  let bytes = w.encode(graph);
  for (let level = 0; level < depth; level++) {
    graph = [
      node({
        op: "If",
        inputs: ["x"],
        outputs: [`y${level}`],
        attributes: [
          w.message(5, [...w.text(1, "then_branch"), w.item(6, bytes), ...w.int(20, 5)]),
        ],
      }),
    ];
    bytes = w.encode(graph);
  }
  return w.encode([...w.int(1, 8), w.item(7, bytes), w.message(8, w.int(2, 17))]);
}
