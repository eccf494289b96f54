import type { Attribute, Node, ShapeInference, Value } from "@ocrslim/graph";
import type { FindAxis } from "./channel-axes.ts";
import { groupingOf, isMixer } from "./mixers.ts";

/** Attributes that count channels, or that the shapes in the signature say already. */
const LEFT_OUT: ReadonlySet<string> = new Set(["group", "kernel_shape", "shape", "split", "value"]);

/**
 * @internal All that a piece's time depends on but for its channels. What stands before and after it
 * belongs to that: it decides in which memory layout the piece is computed, and whether it changes
 * the layout.
 */
export function describeLayer(
  nodes: readonly Node[],
  shapes: ShapeInference,
  findAxis: FindAxis,
): string {
  const first = nodes[0];
  const last = nodes.at(-1);
  if (!first || !last) return "";
  const inside = new Set(nodes);
  const sources = first.inputs.flatMap((value) =>
    value && !shapes.constantOf(value) ? [value.producer?.opType ?? "input"] : [],
  );
  const readers = last.outputs.flatMap((value) => [
    ...(value?.isGraphOutput ? ["output"] : []),
    ...(value?.uses ?? []).flatMap(({ node }) => (inside.has(node) ? [] : [node.opType])),
  ]);
  const shapeOf = (value: Value | undefined): string => formatShape(value, shapes, findAxis);
  return [
    nodes.map((node) => describeNode(node, shapes)).join(" + "),
    first.inputs
      .filter((value) => value && !shapes.constantOf(value))
      .map(shapeOf)
      .join(" "),
    `→ ${last.outputs.map(shapeOf).join(" ")}`,
    shapes.dtypeOf(last.output) ?? "unknown type",
    `after ${listSet(sources)} before ${listSet(readers)}`,
  ].join(", ");
}

function describeNode(node: Node, shapes: ShapeInference): string {
  const name = node.domain ? `${node.domain}:${node.opType}` : node.opType;
  const parts = [name];
  if (isMixer(node)) {
    const weight = node.inputs[1];
    const dims = weight && shapes.shapeOf(weight);
    if (node.opType.startsWith("Conv")) parts.push(dims?.slice(2).join("×") ?? "?");
    parts.push(describeGrouping(node, shapes), node.inputs[2] ? "bias" : "no bias");
    if (weight && !shapes.constantOf(weight)) parts.push("computed weight");
  } else {
    for (const value of node.inputs) {
      if (!value) parts.push("-");
      else if (shapes.constantOf(value)) parts.push(describeConstant(value, shapes));
    }
  }
  parts.push(
    ...node.attributes
      .filter((attribute) => !LEFT_OUT.has(attribute.name))
      .map(formatAttribute)
      .sort(),
  );
  return parts.join(" ");
}

function describeGrouping(node: Node, shapes: ShapeInference): string {
  const channels = (value: Value | undefined): number => (value && shapes.shapeOf(value)?.[1]) ?? 0;
  return groupingOf(node, channels(node.inputs[0]), channels(node.outputs[0]));
}

function describeConstant(value: Value, shapes: ShapeInference): string {
  const size = (shapes.shapeOf(value) ?? []).reduce((product, dim) => product * dim, 1);
  return size === 0 ? "-" : size === 1 ? "scalar" : "constant";
}

function formatAttribute(attribute: Attribute): string {
  switch (attribute.type) {
    case "int":
    case "float":
    case "string":
      return `${attribute.name}=${attribute.value}`;
    case "ints":
    case "floats":
    case "strings":
      return `${attribute.name}=${attribute.value.join("/")}`;
    default:
      return `${attribute.name}:${attribute.type}`;
  }
}

function formatShape(value: Value | undefined, shapes: ShapeInference, findAxis: FindAxis): string {
  const shape = value && shapes.shapeOf(value);
  if (!value || !shape) return "[?]";
  const axis = findAxis(value);
  return `[${shape.map((dim, index) => (index === axis ? "C" : dim)).join("×")}]`;
}

const listSet = (names: readonly string[]): string =>
  [...new Set(names)].sort().join("/") || "nothing";
