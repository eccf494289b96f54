import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import type { Value } from "../../ir/value.ts";
import { constantNumbers } from "../support/constants.ts";
import { isOperator, usesOnlyFirstOutput } from "../support/edit.ts";

/** A nearest Resize that repeats each pixel `factor` times down and across. */
export interface Repetition {
  readonly node: Node;
  readonly input: Value;
  readonly factor: number;
}

/** Reads a Resize (opset 11 and up) of [N, C, H, W] that only repeats pixels. */
export function readRepetition(node: Node | undefined): Repetition | undefined {
  if (!isOperator(node, "Resize") || !usesOnlyFirstOutput(node)) return undefined;
  const input = node.input(0);
  const scales = constantNumbers(node.input(2));
  if (!input || scales?.length !== 4 || node.input(3) || node.attribute("axes")) return undefined;
  const [batch, channels, factor = 0, across] = scales;
  if (batch !== 1 || channels !== 1 || factor !== across) return undefined;
  if (!Number.isInteger(factor) || factor < 2 || !repeats(node)) return undefined;
  return { node, input, factor };
}

/**
 * Whether output pixel x comes from input pixel ⌊x ÷ factor⌋: with corners asymmetric when rounding
 * down; with half pixels when rounding to the nearest, as whole factors never give a tie.
 */
function repeats(node: Node): boolean {
  if (node.string("mode", "nearest") !== "nearest") return false;
  const rounding = node.string("nearest_mode", "round_prefer_floor");
  switch (node.string("coordinate_transformation_mode", "half_pixel")) {
    case "asymmetric":
      return rounding === "floor";
    case "half_pixel":
    case "half_pixel_symmetric":
      return rounding === "round_prefer_floor" || rounding === "round_prefer_ceil";
    default:
      return false;
  }
}

/** A Resize of `input` like another, but for its factor; the input itself if that is 1. */
export function repeatPixels(like: Node, input: Value, factor: number, before: Node): Value {
  if (factor === 1) return input;
  const { graph } = like;
  const scales = graph.addInitializer(
    `${like.key}_scales`,
    Tensor.float32([4], [1, 1, factor, factor]),
  );
  return graph.createNode({
    opType: "Resize",
    inputs: [input, like.input(1), scales],
    attributes: Object.fromEntries(like.attributes.map((attribute) => [attribute.name, attribute])),
    before,
  }).output;
}
