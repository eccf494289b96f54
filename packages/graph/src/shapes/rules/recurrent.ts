import { formatDims } from "../dims.ts";
import { mismatch, type ShapeRule } from "../shape-rule.ts";

/**
 * X `[steps, N, I]`, W `[directions, gates · hidden, I]` → Y `[steps, directions, N, hidden]` and
 * the last states `[directions, N, hidden]`; with `layout = 1`, N comes first.
 */
const recurrent =
  (gateCount: number): ShapeRule =>
  (context) => {
    const { node } = context;
    const dims = context.dims(0);
    const weight = context.dims(1);
    const dtype = context.dtype(0);
    if (!dims || !weight) return [{ dtype }, { dtype }, { dtype }];
    const directions = node.string("direction", "forward") === "bidirectional" ? 2 : 1;
    const hidden = node.int("hidden_size", (weight[1] ?? 0) / gateCount);
    const fits =
      dims.length === 3 &&
      weight.length === 3 &&
      weight[0] === directions &&
      weight[1] === gateCount * hidden &&
      weight[2] === dims[2];
    if (!fits) {
      throw mismatch(
        node,
        `input ${formatDims(dims)} does not fit weight ${formatDims(weight)} with hidden_size = ${hidden}`,
      );
    }
    const [first = 0, second = 0] = dims;
    const batchFirst = node.int("layout", 0) !== 0;
    const output = batchFirst
      ? [first, second, directions, hidden]
      : [first, directions, second, hidden];
    const state = batchFirst ? [first, directions, hidden] : [directions, second, hidden];
    return [
      { dims: output, dtype },
      { dims: state, dtype },
      { dims: state, dtype },
    ];
  };

/** Recurrent networks. */
export const recurrentRules: readonly (readonly [string, ShapeRule])[] = [
  ["LSTM", recurrent(4)],
  ["GRU", recurrent(3)],
  ["RNN", recurrent(1)],
];
