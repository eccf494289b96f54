import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import { constantTensor } from "../support/constants.ts";
import { isOperator } from "../support/edit.ts";
import { type GatedConvolution, readGated } from "./gates.ts";
import type { ChannelRange } from "./phase-kernels.ts";
import { type Repetition, readRepetition } from "./resize.ts";
import type { RewriteFacts } from "./rewrite.ts";

/** A value of which a convolution reads the sum or the concatenation, and where. */
export interface Branch extends ChannelRange {
  readonly value: Value;
  readonly repetition: Repetition | undefined;
  /** With one image a run only. */
  readonly gated: GatedConvolution | undefined;
}

/** What a convolution reads, taken apart. */
export interface BranchTree {
  readonly branches: readonly Branch[];
  /** The Concat and Add nodes above the branches, top last. */
  readonly joints: readonly Node[];
}

/**
 * Takes the input of a convolution apart into what is concatenated and added up in it. An Add is
 * taken for one of equal sizes: one that spreads a pixel over a map is not known as such where the
 * sizes aren't.
 */
export function listBranches(input: Value, channels: number, facts: RewriteFacts): BranchTree {
  const joints: Node[] = [];
  const visit = (value: Value, start: number, count: number): readonly Branch[] => {
    const node = value.producer;
    const parts = readConcat(node, count, facts) ?? readSum(node, count, facts);
    if (!node || !parts) return [leaf(value, start, count, facts)];
    joints.unshift(node);
    return parts.flatMap((part) => visit(part.value, start + part.start, part.count));
  };
  return { branches: visit(input, 0, channels), joints };
}

function leaf(value: Value, start: number, count: number, facts: RewriteFacts): Branch {
  const gated = readGated(value.producer, facts);
  return {
    value,
    start,
    count,
    repetition: readRepetition(value.producer),
    gated: gated?.isSingle ? gated : undefined,
  };
}

type Part = ChannelRange & { readonly value: Value };

function readConcat(
  node: Node | undefined,
  count: number,
  { known }: RewriteFacts,
): readonly Part[] | undefined {
  if (!isOperator(node, "Concat") || node.int("axis", 1) !== 1) return undefined;
  const parts: Part[] = [];
  let start = 0;
  for (const value of node.inputs) {
    const width = known.shapeOf(value)?.[1];
    if (!value || typeof width !== "number") return undefined;
    parts.push({ value, start, count: width });
    start += width;
  }
  return start === count ? parts : undefined;
}

function readSum(
  node: Node | undefined,
  count: number,
  { known }: RewriteFacts,
): readonly Part[] | undefined {
  if (!isOperator(node, "Add") || node.inputs.length !== 2) return undefined;
  const [left, right] = node.inputs;
  if (!left || !right || constantTensor(left) || constantTensor(right)) return undefined;
  const shapes = [known.shapeOf(left), known.shapeOf(right)];
  if (shapes.some((shape) => shape?.length !== 4 || shape[1] !== count)) return undefined;
  const [a, b] = shapes;
  for (const axis of [0, 2, 3]) {
    const isSpread = (dim: unknown, other: unknown): boolean => dim === 1 && other !== 1;
    if (isSpread(a?.[axis], b?.[axis]) || isSpread(b?.[axis], a?.[axis])) return undefined;
  }
  return [left, right].map((value) => ({ value, start: 0, count }));
}
