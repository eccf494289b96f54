import type { Transform } from "../contracts/transform.ts";
import { int, ints } from "../ir/attribute.ts";
import type { Node } from "../ir/node.ts";
import { constantNumbers, constantScalar } from "./support/constants.ts";
import { bypass, canBypass, isOperator, onlyUse } from "./support/edit.ts";
import { requireOpset } from "./support/require-opset.ts";

const NAME = "foldPads";

/**
 * Folds a Pad with zeros along the spatial axes into the Conv or AveragePool that reads it.
 *
 * @example
 * ```ts
 * await transform(model, foldPads());
 * // Pad(1) → Conv(pads: 0)   →   Conv(pads: 1)
 * ```
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function foldPads(): Transform {
  return {
    name: NAME,
    check: (model) => requireOpset(NAME, model),
    run(model) {
      let foldedNodes = 0;
      for (const node of model.graph.nodes) {
        if (isOperator(node, "Pad") && foldPad(node, model.opset)) foldedNodes++;
      }
      return { modified: foldedNodes > 0, counts: { foldedNodes } };
    },
  };
}

function foldPad(pad: Node, opset: number): boolean {
  const added = readZeroPads(pad, opset);
  const use = onlyUse(pad.output);
  const data = pad.input(0);
  if (!added || !data || use?.index !== 0 || use.node.graph !== pad.graph) return false;
  const { node } = use;
  const spatial = added.length / 2;
  const autoPad = node.string("auto_pad", "NOTSET");
  if (autoPad !== "NOTSET" && autoPad !== "VALID") return false;
  const own = (autoPad === "NOTSET" ? node.ints("pads") : undefined) ?? added.map(() => 0);
  if (own.length !== added.length) return false;
  const pads = added.map((count, index) => count + (own[index] ?? 0));
  if (isOperator(node, "AveragePool")) {
    const kernel = node.ints("kernel_shape") ?? [];
    const counts = node.int("count_include_pad", 0) !== 0 || own.every((count) => count === 0);
    const isSmall = pads.every((count, index) => count < (kernel[index % spatial] ?? 0));
    if (!counts || !isSmall || node.int("ceil_mode", 0) !== 0) return false;
  } else if (!isOperator(node, "Conv")) return false;
  if (!canBypass(pad, data)) return false;
  bypass(pad, data);
  if (node.opType === "AveragePool") node.setAttribute("count_include_pad", int(1));
  if (autoPad !== "NOTSET") node.setAttribute("auto_pad", undefined);
  node.setAttribute("pads", ints(pads));
  return true;
}

/** Begins and ends along the spatial axes, if there is nothing else, and it is filled with zeros. */
function readZeroPads(pad: Node, opset: number): readonly number[] | undefined {
  if (pad.string("mode", "constant") !== "constant" || pad.input(3)) return undefined;
  const pads = opset < 11 ? pad.ints("pads") : constantNumbers(pad.input(1));
  const value =
    opset < 11 ? pad.float("value", 0) : pad.input(2) ? constantScalar(pad.input(2)) : 0;
  if (!pads || pads.length < 6 || value !== 0 || pads.some((count) => count < 0)) return undefined;
  const rank = pads.length / 2;
  if (pads.some((count, index) => index % rank < 2 && count !== 0)) return undefined;
  return [...pads.slice(2, rank), ...pads.slice(rank + 2)];
}
