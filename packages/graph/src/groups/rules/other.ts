import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import type { ChannelRule } from "../channel-rule.ts";

/** Operators that compute shapes from shapes. */
const SHAPE_ARITHMETIC: ReadonlySet<string> = new Set(
  "Gather Slice Concat Unsqueeze Squeeze Cast Mul Add Sub Div Reshape Identity Range Floor Ceil Min Max Equal Where Split ReduceProd".split(
    " ",
  ),
);

/** Inputs at which an operator reads a shape, a size or a range. */
const SHAPE_INPUTS: Readonly<Record<string, number>> = {
  Reshape: 1,
  Expand: 1,
  Tile: 1,
  Resize: 1,
  Upsample: 1,
  Slice: 1,
  Pad: 1,
  Split: 1,
  ConstantOfShape: 0,
};

/** The node that reads a shape as if it were data; `undefined` if none does. */
function findDataReader(shape: Value): Node | undefined {
  const seen = new Set([shape]);
  // The set grows while it is walked.
  for (const value of seen) {
    for (const { node, index } of value.uses) {
      const from = SHAPE_INPUTS[node.opType];
      if (from !== undefined && index >= from) continue;
      if (!SHAPE_ARITHMETIC.has(node.opType)) return node;
      for (const output of node.outputs) if (output) seen.add(output);
    }
  }
  return undefined;
}

/** Shape: follows by itself, if all that is made of it are other shapes. */
export const shapeOperator: ChannelRule = {
  spread(node, port, context) {
    if (port.side === "output") {
      context.block(port.value, port.axis, `${node.describe()} gives a shape`);
      return;
    }
    const reader = node.output.isGraphOutput ? node : findDataReader(node.output);
    if (reader)
      context.block(port.value, port.axis, `its shape is used as data by ${reader.describe()}`);
  },
};

/** LSTM, GRU, RNN: the input's features are consumed; the state can't be cut. */
export const recurrent: ChannelRule = {
  spread(node, port, context) {
    const [x, weight] = node.inputs;
    const isFeature =
      (port.value === x && port.axis === 2) || (port.value === weight && port.axis === 2);
    if (port.side === "input" && x && weight && isFeature) {
      context.couple(x, 2, weight, 2);
      context.mark(weight, 2, "consumer", 0);
    } else context.block(port.value, port.axis, `${node.describe()} keeps a state of this size`);
  },
};
