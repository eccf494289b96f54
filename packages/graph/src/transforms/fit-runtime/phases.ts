/*
 * A map of [N, C, S·H, S·W] can be held as S × S phases of [N, C, H, W]: phase (r, c) has the pixels
 * (S·h + r, S·w + c). Activations and 1×1 convolutions work on each phase by itself, and a tiling
 * transposed convolution splits each phase into finer ones, by a 1×1 convolution. So the phases need
 * be put together (Concat, DepthToSpace) only where the map is thinnest. That matters:
 * DepthToSpace of 24 channels at 320×320 takes 5.8 ms on ONNX Runtime 1.30, of one channel at
 * 640×640 0.45 ms, and all between stays in the blocked layout.
 */
import { int } from "../../ir/attribute.ts";
import type { Graph } from "../../ir/graph.ts";
import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import type { Value } from "../../ir/value.ts";
import { removeDead } from "../support/affine.ts";
import { constantTensor, readFloats } from "../support/constants.ts";
import { onlyConsumer, replaceNode } from "../support/edit.ts";
import {
  convolutionNode,
  isPointwise,
  readConvolution,
  readTiling,
  type TilingConvolution,
} from "./convolution.ts";

/** One phase, or `stack` × `stack` finer ones in a row along the channels, row by row. */
export interface Phase {
  readonly value: Value;
  readonly row: number;
  readonly column: number;
  readonly stack: number;
}

/** All phases of one map. */
export interface PhasedMap {
  /** Channels of the map. */
  readonly channels: number;
  /** How many phases there are down and across, not counting those in a stack. */
  readonly factor: number;
  readonly phases: readonly Phase[];
}

/** What comes after a map in a row, each read by the next alone. */
type Step =
  | { readonly kind: "elementwise"; readonly node: Node; readonly isScalar: boolean }
  | { readonly kind: "pointwise"; readonly node: Node; readonly channels: number }
  | ({ readonly kind: "tiling" } & TilingConvolution);

const ELEMENTWISE =
  "Abs Ceil Celu Clip Elu Erf Exp Floor Gelu HardSigmoid HardSwish LeakyRelu Mish Neg PRelu Relu Round Selu Sigmoid Softplus Softsign Sqrt Tanh ThresholdedRelu".split(
    " ",
  );

const ARITHMETIC = ["Add", "Sub", "Mul", "Div"];

/**
 * Puts phases in the place of the output of `source`. What follows it is done on the phases, up to
 * where the map is thinnest; there they are put together. Returns whether that was possible.
 */
export function replaceByPhases(source: Node, map: PhasedMap): boolean {
  return finish(source, listSteps(source.output, map.channels), map);
}

/** Replaces a tiling ConvTranspose, and what follows it, by work on phases of its input's size. */
export function replaceTiling(tiling: TilingConvolution): boolean {
  const first: Step = { kind: "tiling", ...tiling };
  const steps = [first, ...listSteps(tiling.node.output, tiling.out)];
  const whole: Phase = { value: tiling.input, row: 0, column: 0, stack: 1 };
  return finish(tiling.node, steps, { channels: tiling.inner, factor: 1, phases: [whole] });
}

function finish(source: Node, all: readonly Step[], map: PhasedMap): boolean {
  const steps = all.slice(0, countUseful(all, map.channels));
  const last = steps.at(-1)?.node ?? source;
  const done = steps.reduce((before, step, index) => {
    const isLastTiling = !steps.slice(index + 1).some(needsSinglePhases);
    return advance(before, step, isLastTiling);
  }, map);
  const { graph } = source;
  const factor = done.factor * (done.phases[0]?.stack ?? 1);
  const stacked = stackPhases(graph, done, last);
  const replaced = replaceNode(last, {
    opType: "DepthToSpace",
    inputs: [stacked],
    attributes: { blocksize: int(factor) },
  });
  if (replaced) removeDead([...new Set([source, ...steps.map(({ node }) => node)])]);
  return replaced !== undefined;
}

const needsSinglePhases = (step: Step): boolean => step.kind !== "elementwise" || !step.isScalar;

/**
 * How many steps to take: all transposed convolutions, and then as many as lead to the smallest map,
 * the later of equals.
 */
function countUseful(steps: readonly Step[], channels: number): number {
  let elements = channels;
  let thinnest = channels;
  let best = 0;
  let width = channels;
  steps.forEach((step, index) => {
    const next = widthAfter(step, width);
    elements *= (next / width) * (step.kind === "tiling" ? step.factor ** 2 : 1);
    width = next;
    if (step.kind === "tiling" || elements <= thinnest * (1 + 1e-9)) {
      thinnest = elements;
      best = index + 1;
    }
  });
  return best;
}

function listSteps(start: Value, startChannels: number): readonly Step[] {
  const steps: Step[] = [];
  let channels = startChannels;
  for (let value = start, node = onlyConsumer(value); node; node = onlyConsumer(value)) {
    const step = readStep(node, value, channels);
    if (!step) break;
    steps.push(step);
    value = node.output;
    channels = widthAfter(step, channels);
  }
  return steps;
}

function widthAfter(step: Step, channels: number): number {
  if (step.kind === "elementwise") return channels;
  return step.kind === "pointwise" ? step.channels : step.out;
}

function readStep(node: Node, data: Value, channels: number): Step | undefined {
  if (node.input(0) === data) {
    const convolution = readConvolution(node);
    if (convolution && isPointwise(convolution)) {
      return { kind: "pointwise", node, channels: convolution.dims[0] };
    }
    const tiling = readTiling(node);
    if (tiling) return { kind: "tiling", ...tiling };
  }
  const reads: boolean = ARITHMETIC.includes(node.opType)
    ? node.domain === ""
    : ELEMENTWISE.includes(node.opType) && node.domain === "" && node.input(0) === data;
  if (!reads) return undefined;
  const operands = node.inputs.filter((value) => value !== data);
  let isScalar = true;
  for (const operand of operands) {
    const tensor = operand && constantTensor(operand);
    if (operand && !tensor) return undefined;
    if (!tensor) continue;
    if (tensor.size === 1 && tensor.dims.length <= 4) continue;
    if (!isPerChannel(tensor.dims, channels)) return undefined;
    isScalar = false;
  }
  return { kind: "elementwise", node, isScalar };
}

/** Dims that broadcast along the channels alone: [C, 1, 1] or [1, C, 1, 1]. */
function isPerChannel(dims: readonly number[], channels: number): boolean {
  const [width, ...rest] = dims.length === 4 && dims[0] === 1 ? dims.slice(1) : dims;
  return width === channels && rest.length === 2 && rest.every((dim) => dim === 1);
}

function advance(map: PhasedMap, step: Step, isStackable: boolean): PhasedMap {
  if (step.kind === "tiling") return split(map, step, isStackable);
  const { node } = step;
  const data = node.inputs.find((value) => value && !constantTensor(value));
  const attributes = attributesOf(node);
  const phases = map.phases.map((phase) => {
    const inputs = node.inputs.map((value) => (value === data ? phase.value : value));
    const { output } = node.graph.createNode({
      opType: node.opType,
      inputs,
      attributes,
      before: node,
    });
    return { ...phase, value: output };
  });
  return { ...map, phases, channels: widthAfter(step, map.channels) };
}

const attributesOf = (node: Node): Record<string, (typeof node.attributes)[number]> =>
  Object.fromEntries(node.attributes.map((attribute) => [attribute.name, attribute]));

function split(map: PhasedMap, tiling: TilingConvolution, isStackable: boolean): PhasedMap {
  const { factor, out } = tiling;
  const tiles = isStackable
    ? [{ row: 0, column: 0, stack: factor, ...tileWeights(tiling, allTiles(factor)) }]
    : allTiles(factor).map(([row, column]) => ({
        row,
        column,
        stack: 1,
        ...tileWeights(tiling, [[row, column]]),
      }));
  const growth = isStackable ? 1 : factor;
  const phases = tiles.flatMap(({ row, column, stack, weight, bias }) =>
    map.phases.map((phase): Phase => {
      const init = { input: phase.value, weight, bias, kernel: [1, 1], base: "" } as const;
      const node = tiling.node.graph.createNode({
        ...convolutionNode(tiling.node.graph, init),
        before: tiling.node,
      });
      return {
        value: node.output,
        row: phase.row * growth + row,
        column: phase.column * growth + column,
        stack,
      };
    }),
  );
  return { channels: out, factor: map.factor * growth, phases };
}

type Tile = readonly [row: number, column: number];

function allTiles(factor: number): readonly Tile[] {
  return Array.from({ length: factor * factor }, (_, at) => [Math.floor(at / factor), at % factor]);
}

/** The weights of some tiles as those of a 1×1 convolution, tile after tile along its outputs. */
function tileWeights(
  { node, weight, bias, inner, out, factor }: TilingConvolution,
  tiles: readonly Tile[],
): { readonly weight: Value; readonly bias: Value | undefined } {
  const { graph } = node;
  const from = readFloats(weight);
  const data = new Float32Array(tiles.length * out * inner);
  tiles.forEach(([row, column], tile) => {
    for (let o = 0; o < out; o++) {
      for (let i = 0; i < inner; i++) {
        data[(tile * out + o) * inner + i] =
          from[((i * out + o) * factor + row) * factor + column] ?? 0;
      }
    }
  });
  const dims = [tiles.length * out, inner, 1, 1];
  const base = tiles.length === 1 ? `${node.key}_tile${tiles[0]?.join("")}` : `${node.key}_tiles`;
  return {
    weight: graph.addInitializer(`${base}_weight`, Tensor.float32(dims, data)),
    bias: bias && graph.addInitializer(`${base}_bias`, repeatTensor(bias, tiles.length)),
  };
}

function repeatTensor(tensor: Tensor, times: number): Tensor {
  const numbers = readFloats(tensor);
  const data = new Float32Array(numbers.length * times);
  for (let at = 0; at < times; at++) data.set(numbers, at * numbers.length);
  return Tensor.float32([data.length], data);
}

/** All phases along the channels, in the order in which DepthToSpace reads them: rows first. */
export function stackPhases(graph: Graph, map: PhasedMap, before: Node): Value {
  const { channels, factor } = map;
  const phases = map.phases.toSorted((a, b) => a.row - b.row || a.column - b.column);
  const [first] = phases;
  if (!first) throw new TypeError("stackPhases: a map without phases");
  if (phases.length === 1) return first.value;
  const joined = graph.createNode({
    opType: "Concat",
    inputs: phases.map(({ value }) => value),
    attributes: { axis: int(1) },
    before,
  }).output;
  const { stack } = first;
  if (stack === 1) return joined;
  const order: number[] = [];
  for (let row = 0; row < factor * stack; row++) {
    for (let column = 0; column < factor * stack; column++) {
      const outer = Math.floor(row / stack) * factor + Math.floor(column / stack);
      const inner = (row % stack) * stack + (column % stack);
      const from = (outer * stack * stack + inner) * channels;
      for (let channel = 0; channel < channels; channel++) order.push(from + channel);
    }
  }
  const indices = graph.addInitializer(`${before.key}_order`, Tensor.int64(order));
  return graph.createNode({
    opType: "Gather",
    inputs: [joined, indices],
    attributes: { axis: int(1) },
    before,
  }).output;
}
