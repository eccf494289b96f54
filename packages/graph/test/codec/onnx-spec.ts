import type { DataType } from "../../src/index.ts";
import type { Packing } from "./wire.ts";

/** What generated files say, in plain data; `writeOnnx` makes bytes of it. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: DataType;
  readonly dims: readonly number[];
  /** As `raw_data` has them; empty for strings. */
  readonly bytes: Uint8Array;
  readonly strings: readonly string[];
  readonly storage: "raw" | "external" | Packing;
}

export type AttributeSpec = { readonly name: string; readonly hasType: boolean } & (
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "int"; readonly value: bigint }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "tensor"; readonly value: TensorSpec }
  | { readonly type: "graph"; readonly value: GraphSpec }
  | { readonly type: "floats"; readonly value: readonly number[]; readonly packing: Packing }
  | { readonly type: "ints"; readonly value: readonly bigint[]; readonly packing: Packing }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "tensors"; readonly value: readonly TensorSpec[] }
  | { readonly type: "graphs"; readonly value: readonly GraphSpec[] }
  /** Kinds the IR does not open: a sparse tensor, a type, a function's attribute. */
  | { readonly type: "opaque"; readonly value: "sparse" | "type" | "reference" | "bytes" }
);

export interface NodeSpec {
  readonly opType: string;
  readonly domain: string;
  readonly name: string;
  /** `""` for an absent one. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly AttributeSpec[];
}

export type DimSpec = number | string | undefined;

export interface InfoSpec {
  readonly name: string;
  readonly kind: "tensor" | "sequence" | "map" | "optional" | "sparse" | "none";
  readonly dtype: DataType;
  readonly shape: readonly DimSpec[] | undefined;
}

export interface GraphSpec {
  readonly name: string;
  readonly inputs: readonly InfoSpec[];
  readonly outputs: readonly InfoSpec[];
  readonly infos: readonly InfoSpec[];
  readonly initializers: readonly TensorSpec[];
  readonly sparse: readonly TensorSpec[];
  readonly nodes: readonly NodeSpec[];
}

export interface ModelSpec {
  readonly irVersion: number;
  readonly producerName: string;
  readonly opsets: readonly (readonly [domain: string, version: number])[];
  readonly metadata: readonly (readonly [key: string, value: string])[];
  /** Names of functions, in the domain `own`. */
  readonly functions: readonly string[];
  readonly hasTraining: boolean;
  readonly graph: GraphSpec;
}
