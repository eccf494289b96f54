/*
 * What is certain about shapes without knowing the size of the inputs. `inferShapes` needs concrete
 * sizes, and what it finds at one size need not hold at another; the transforms must only rely on
 * what holds at all of them. So a dimension here is a number, a symbol (a string that stands for the
 * same size wherever it appears), or unknown; and small integer vectors, such as what Shape returns,
 * are tracked element by element. Only graph inputs' declared shapes are trusted, which runtimes
 * enforce; value infos are not.
 */
import type { DataType } from "../../ir/data-type.ts";
import type { Graph } from "../../ir/graph.ts";
import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import { constantTensor } from "./constants.ts";
import { elementRules } from "./partial-element-rules.ts";
import { shapeRules } from "./partial-shape-rules.ts";

/** A size, a symbol that stands for one size throughout the graph, or unknown. */
export type PartialDim = number | string | undefined;
export type PartialShape = readonly PartialDim[];

/** An integer tensor of rank 0 or 1, of which some elements may be unknown. */
export interface PartialElements {
  readonly dtype: DataType;
  readonly isScalar: boolean;
  readonly items: readonly PartialDim[];
}

/** What {@link inferPartialShapes} found. */
export interface PartialShapes {
  /** `undefined` if not even the rank is certain. */
  shapeOf(value: Value | undefined): PartialShape | undefined;
  elementsOf(value: Value | undefined): PartialElements | undefined;
}

/** How one operator's first output follows from its inputs. */
export type PartialRule<T> = (node: Node, known: PartialShapes, opset: number) => T | undefined;

const LONGEST_VECTOR = 64;

/**
 * Finds what is certain about the shapes in a graph at every input size. Values that are created
 * later are looked into when they are asked for; what was found once is kept.
 */
export function inferPartialShapes(graph: Graph, opset: number): PartialShapes {
  const shapes = new Map<Value, PartialShape | undefined>();
  const elements = new Map<Value, PartialElements | undefined>();
  const known: PartialShapes = {
    shapeOf(value) {
      if (!value) return undefined;
      if (!shapes.has(value)) {
        shapes.set(value, constantTensor(value)?.dims);
        visit(value.producer, value);
      }
      return shapes.get(value);
    },
    elementsOf(value) {
      if (!value) return undefined;
      if (!elements.has(value)) elements.set(value, constantElements(value));
      return elements.get(value);
    },
  };
  const visit = (node: Node | undefined, output: Value | undefined): void => {
    if (!node || !output || node.domain !== "" || node.outputs[0] !== output) return;
    const shape = shapeRules.get(node.opType)?.(node, known, opset);
    if (shape || !shapes.has(output)) shapes.set(output, shape ?? constantTensor(output)?.dims);
    const items = elementRules.get(node.opType)?.(node, known, opset);
    if (items && items.items.length <= LONGEST_VECTOR) elements.set(output, items);
  };
  for (const input of graph.inputs) {
    if (input.type?.kind !== "tensor" || !input.type.shape) continue;
    const dims = input.type.shape.map((dim, axis) =>
      typeof dim === "number" && dim > 0 ? dim : `${input.name}#${axis}`,
    );
    shapes.set(input, dims);
  }
  for (const node of graph.nodes) visit(node, node.outputs[0]);
  return known;
}

function constantElements(value: Value): PartialElements | undefined {
  const tensor = constantTensor(value);
  if (!tensor || tensor.dims.length > 1 || tensor.size > LONGEST_VECTOR) return undefined;
  if (tensor.dtype !== "int64" && tensor.dtype !== "int32") return undefined;
  return {
    dtype: tensor.dtype,
    isScalar: tensor.dims.length === 0,
    items: [...tensor.toNumbers()],
  };
}
