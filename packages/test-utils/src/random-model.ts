import type { Graph, Model, Value } from "@ocrslim/graph";
import fc from "fast-check";
import { add } from "./blocks.ts";
import { conv, gemm, reduceMean } from "./layers.ts";
import { RANDOM_OP_KINDS, RANDOM_OPS, type RandomOpKind } from "./random-ops.ts";
import { concat, reshape } from "./reshaping.ts";
import { createTestModel, shapeOf } from "./test-graph.ts";

/** One step of a random model. Every number means something in every place, so all are valid. */
export interface RandomOp {
  readonly kind: RandomOpKind;
  /** Which value it reads, counted back from the newest, modulo how many fit. */
  readonly from: number;
  /** The second value, counted likewise. */
  readonly other: number;
  /** Choices of the operator (widths, kernels, …), taken modulo what there is. */
  readonly a: number;
  readonly b: number;
}

/** A random model as plain JSON: paste what a failing test prints into {@link buildRandomModel}. */
export interface RandomModelDescription {
  readonly seed: number;
  readonly opset: number;
  readonly input: readonly [number, number, number, number];
  readonly ops: readonly RandomOp[];
  /** Values that become outputs, counted back from the newest. */
  readonly outputs: readonly number[];
  /** Whether a last layer stands before each output, so that its input can be pruned. */
  readonly head: boolean;
}

/** Options of {@link randomModel}. */
export interface RandomModelOptions {
  /** Default: all of them. */
  readonly kinds?: readonly RandomOpKind[];
  /** Default: 3. */
  readonly minOps?: number;
  /** Default: 14. */
  readonly maxOps?: number;
  /** Default: 13, 17, 18 and 21. */
  readonly opsets?: readonly number[];
}

/** Nothing before these can be pruned, so they come up less often. */
const MIXING: ReadonlySet<RandomOpKind> = new Set(["softmax", "channelMeanGate"]);

/** Descriptions of small random networks, input `x`; they shrink to few and plain operators. */
export function randomModel(
  options: RandomModelOptions = {},
): fc.Arbitrary<RandomModelDescription> {
  const kinds = options.kinds ?? RANDOM_OP_KINDS;
  const op = fc.record<RandomOp>({
    kind: fc.constantFrom(
      ...kinds.flatMap((kind) => Array<RandomOpKind>(MIXING.has(kind) ? 1 : 4).fill(kind)),
    ),
    // Mostly the newest value, so that few of them are left unread.
    from: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(5) }),
    other: fc.nat(7),
    a: fc.nat(11),
    b: fc.nat(11),
  });
  return fc.record<RandomModelDescription>({
    seed: fc.nat(9999),
    opset: fc.constantFrom(...(options.opsets ?? [17, 13, 18, 21])),
    input: fc.constantFrom<RandomModelDescription["input"][]>([1, 3, 16, 16], [1, 3, 12, 20]),
    ops: fc.array(op, { minLength: options.minOps ?? 3, maxLength: options.maxOps ?? 14 }),
    outputs: fc.array(fc.nat(4), { minLength: 1, maxLength: 2 }),
    head: fc.nat(3).map((number) => number < 3),
  });
}

/** Builds the model of a description: always valid, the same for the same description. */
export function buildRandomModel(description: RandomModelDescription): Model {
  const { seed, opset, input, ops, outputs, head } = description;
  return createTestModel({
    inputs: { x: input },
    opset,
    seed,
    name: "random",
    build: (graph, x) => {
      // A first convolution, since nothing on the input's own channels can be pruned.
      const live: Value[] = [conv(graph, x, { out: 8 })];
      for (const op of ops) live.push(...RANDOM_OPS[op.kind](graph, live, op));
      const picked = new Set(
        outputs.flatMap((back) => live[live.length - 1 - (back % live.length)] ?? []),
      );
      if (!head) return [...picked];
      const unread = live.filter((value) => value.uses.length === 0 && !picked.has(value));
      return [...picked].map((value, index) => addHead(graph, value, index === 0 ? unread : []));
    },
  });
}

/** A last layer over a value and over those that nothing reads yet, so that all of them count. */
function addHead(graph: Graph, value: Value, unread: readonly Value[]): Value {
  if (shapeOf(value).length !== 4) {
    return [value, ...unread]
      .map((each) =>
        gemm(graph, shapeOf(each).length === 4 ? toRow(graph, each) : each, { out: 3 }),
      )
      .reduce((sum, each) => add(graph, sum, each));
  }
  const isBeside = (other: Value): boolean =>
    shapeOf(other).slice(2).join() === shapeOf(value).slice(2).join();
  const beside = unread.filter((other) => shapeOf(other).length === 4 && isBeside(other));
  const joined = beside.length > 0 ? concat(graph, [value, ...beside]) : value;
  const others = unread
    .filter((other) => !beside.includes(other))
    .map((other) => {
      const row = shapeOf(other).length === 4 ? toRow(graph, other) : other;
      return reshape(graph, gemm(graph, row, { out: 2 }), [1, 2, 1, 1]);
    });
  return others.reduce(
    (sum, other) => add(graph, sum, other),
    conv(graph, joined, { out: 2, kernel: 1 }),
  );
}

const toRow = (graph: Graph, map: Value): Value =>
  reduceMean(graph, map, { axes: [2, 3], keepDims: false });
