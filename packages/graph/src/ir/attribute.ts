import type { Graph } from "./graph.ts";
import type { SourceRange } from "./source.ts";
import type { Tensor } from "./tensor.ts";

/**
 * A node's constant, by type. Integers are numbers: those beyond ±2^53 (such as the largest int64,
 * Slice's "to the end") are rounded here, and written back saturated to int64.
 */
export type AttributeContent =
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "int"; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "tensor"; readonly value: Tensor }
  | { readonly type: "graph"; readonly value: Graph }
  | { readonly type: "floats"; readonly value: readonly number[] }
  | { readonly type: "ints"; readonly value: readonly number[] }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "tensors"; readonly value: readonly Tensor[] }
  | { readonly type: "graphs"; readonly value: readonly Graph[] }
  /** Kinds that are carried unread: sparse tensors, types, references to a function's attribute. */
  | { readonly type: "opaque"; readonly value: SourceRange };

/** A named attribute, immutable (except for what is inside its graphs). */
export type Attribute = AttributeContent & {
  readonly name: string;
  /** @internal The AttributeProto this was read from. */
  readonly source?: SourceRange | undefined;
};

/**
 * Shorthands for attribute contents: `{ kernel_shape: ints([3, 3]), alpha: float(0.2) }`. Floats are
 * float32 in files; they are rounded to that here already, so that a model means the same before it
 * is written.
 */
export const int = (value: number): AttributeContent => ({ type: "int", value });
export const float = (value: number): AttributeContent => ({
  type: "float",
  value: Math.fround(value),
});
export const string = (value: string): AttributeContent => ({ type: "string", value });
export const ints = (value: readonly number[]): AttributeContent => ({ type: "ints", value });
export const floats = (value: readonly number[]): AttributeContent => ({
  type: "floats",
  value: value.map(Math.fround),
});
export const strings = (value: readonly string[]): AttributeContent => ({ type: "strings", value });
export const tensorAttribute = (value: Tensor): AttributeContent => ({ type: "tensor", value });
export const graphAttribute = (value: Graph): AttributeContent => ({ type: "graph", value });
