import type { ChannelRule } from "../channel-rule.ts";
import { rewriteShapeInput } from "../rewrite-shape.ts";

/** Pooling: batch and channels pass, the other axes have windows. */
export const pooling: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    const indices = node.outputs[1];
    if (indices && (indices.uses.length > 0 || indices.isGraphOutput)) {
      context.block(port.value, port.axis, `${node.describe()} gives indices that count channels`);
    } else if (port.axis > 1) {
      context.block(port.value, port.axis, `${node.describe()} slides over this axis`);
    } else context.couple(x, port.axis, node.output, port.axis);
  },
};

/** Resize and Upsample: axes that keep their length pass. */
export const resize: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    if (port.side === "input" && port.value !== x) {
      context.block(port.value, port.axis, `${node.describe()} reads it as a size`);
      return;
    }
    if (context.shapeOf(x)[port.axis] === context.shapeOf(node.output)[port.axis]) {
      context.couple(x, port.axis, node.output, port.axis);
    } else context.block(port.value, port.axis, `${node.describe()} stretches this axis`);
  },
  rewrite(node, kept) {
    const sizes = node.inputs[3];
    if (node.opType !== "Resize" || !sizes) return;
    const shape = kept.newShape(node.output);
    const axes =
      node.ints("axes")?.map((axis) => (axis < 0 ? axis + shape.length : axis)) ??
      shape.map((_, axis) => axis);
    const changed = new Map<number, number>();
    axes.forEach((axis, position) => {
      if (kept.indices(node.output, axis)) changed.set(position, shape[axis] ?? 0);
    });
    rewriteShapeInput(node, 3, changed, kept);
  },
};

/** Pad: unpadded axes pass; a padded one shifts, and its new indices stay. */
export const pad: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    const rank = context.shapeOf(x).length;
    const padsValue = node.inputs[1];
    const pads = node.ints("pads") ?? (padsValue && context.constantOf(padsValue)?.toNumbers());
    const axesValue = node.inputs[3];
    const axes = axesValue ? context.constantOf(axesValue)?.toNumbers() : undefined;
    if (!pads || (axesValue && !axes) || (port.side === "input" && port.value !== x)) {
      context.block(port.value, port.axis, `the padding of ${node.describe()} is computed`);
      return;
    }
    const position = axes
      ? [...axes].findIndex((axis) => (axis < 0 ? axis + rank : axis) === port.axis)
      : port.axis;
    const count = pads.length / 2;
    const before = position < 0 ? 0 : (pads[position] ?? 0);
    const after = position < 0 ? 0 : (pads[position + count] ?? 0);
    if (
      before < 0 ||
      after < 0 ||
      ((before > 0 || after > 0) && node.string("mode", "constant") !== "constant")
    ) {
      context.block(port.value, port.axis, `${node.describe()} crops or mirrors this axis`);
      return;
    }
    const length = context.shapeOf(x)[port.axis] ?? 0;
    context.couple(x, port.axis, node.output, port.axis, (index) => index + before);
    for (let index = 0; index < before; index++)
      context.block(node.output, port.axis, `${node.describe()} adds it`, index);
    for (let index = 0; index < after; index++) {
      context.block(node.output, port.axis, `${node.describe()} adds it`, before + length + index);
    }
  },
};

/** DepthToSpace: out channel c gathers blocksize² input channels. */
export const depthToSpace: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    const blocks = node.int("blocksize", 1) ** 2;
    const channels = (context.shapeOf(x)[1] ?? 0) / blocks;
    const isColumnMajor = node.string("mode", "DCR") === "CRD";
    if (port.axis === 0) context.couple(x, 0, node.output, 0);
    else if (port.axis > 1)
      context.block(port.value, port.axis, `${node.describe()} rearranges this axis`);
    else
      context.couple(x, 1, node.output, 1, (index) =>
        isColumnMajor ? Math.floor(index / blocks) : index % channels,
      );
  },
};

/** SpaceToDepth: input channel c becomes blocksize² output channels. */
export const spaceToDepth: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    const channels = context.shapeOf(x)[1] ?? 0;
    if (port.axis === 0) context.couple(x, 0, node.output, 0);
    else if (port.axis > 1)
      context.block(port.value, port.axis, `${node.describe()} rearranges this axis`);
    else context.couple(node.output, 1, x, 1, (index) => index % channels);
  },
};
