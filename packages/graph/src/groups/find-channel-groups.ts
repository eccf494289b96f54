import type { ChannelGroup, GroupMember, MemberRole } from "../contracts/channel-group.ts";
import { constantTensor } from "../ir/constants.ts";
import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import type { Value } from "../ir/value.ts";
import { inferShapes } from "../shapes/infer-shapes.ts";
import { operatorName } from "../shapes/shape-rules.ts";
import type { ShapeInference } from "../shapes/types.ts";
import { ChannelAtoms, type Slot } from "./channel-atoms.ts";
import type { ChannelRule, SpreadContext } from "./channel-rule.ts";
import { channelRules } from "./channel-rules.ts";

/** Options of {@link findChannelGroups}. */
export interface FindChannelGroupsOptions {
  /** Shapes of inputs whose declared dims are not all numbers. Channels do not depend on height and width. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Shapes that were inferred already; saves inferring them again. */
  readonly shapes?: ShapeInference;
  /** Rules by operator. Default: {@link channelRules}. */
  readonly rules?: ReadonlyMap<string, ChannelRule>;
}

/** The axis of a node's output whose channels a weight computes: where channels begin. */
function producedAxis(node: Node, shapes: ShapeInference): number | undefined {
  const [output] = node.outputs;
  const rank = output && shapes.shapeOf(output)?.length;
  if (node.domain !== "" || rank === undefined) return undefined;
  switch (node.opType) {
    case "Conv":
    case "ConvTranspose":
    case "Gemm":
      return 1;
    case "MatMul": {
      const weight = node.inputs[1];
      return weight && constantTensor(weight) ? rank - 1 : undefined;
    }
    default:
      return undefined;
  }
}

interface Mark {
  readonly role: MemberRole;
  readonly node: Node;
  readonly input: number | undefined;
}

interface Analysis {
  readonly atoms: ChannelAtoms;
  readonly marks: ReadonlyMap<Slot, readonly Mark[]>;
  /** Reason by atom. */
  readonly blocks: ReadonlyMap<number, string>;
}

/**
 * Finds which channels of which weights must be removed together: the union, over the whole graph,
 * of what each operator couples, index by index. Groups come in the order of their first producer.
 * Nothing is edited.
 *
 * An operator without a rule, a computed weight, a graph input or output, or a value whose shape is
 * unknown blocks the channels that reach it, with the reason.
 * @throws GraphError `invalid-option`, `shape-mismatch` from the shape inference; `unsupported` if
 *   there are more than 2²⁵ indices to follow.
 */
export function findChannelGroups(
  model: Model,
  options: FindChannelGroupsOptions = {},
): readonly ChannelGroup[] {
  const shapes =
    options.shapes ??
    inferShapes(model, options.inputShapes ? { inputShapes: options.inputShapes } : {});
  const analysis = spreadChannels(model, shapes, options.rules ?? channelRules);
  return collectGroups(model, analysis);
}

function spreadChannels(
  model: Model,
  shapes: ShapeInference,
  rules: ReadonlyMap<string, ChannelRule>,
): Analysis {
  const atoms = new ChannelAtoms();
  const marks = new Map<Slot, Mark[]>();
  const blocks = new Map<number, string>();
  const block = (slot: Slot, reason: string, index?: number): void => {
    const from = index ?? 0;
    const to = index === undefined ? slot.length : index + 1;
    for (let at = from; at < to; at++)
      if (!blocks.has(slot.base + at)) blocks.set(slot.base + at, reason);
  };
  const shapeOf = (value: Value): readonly number[] => shapes.shapeOf(value) ?? [];
  const slotOf = (value: Value, axis: number): Slot => {
    const known = atoms.find(value, axis);
    if (known) return known;
    const slot = atoms.add(value, axis, shapeOf(value)[axis] ?? 0);
    if (value.isGraphOutput) block(slot, "it is an output of the graph");
    if (!constantTensor(value)) {
      if (value.isGraphInput) block(slot, "it is an input of the graph");
      else if (!value.producer) block(slot, "nothing produces it");
    }
    if (value.graph !== model.graph || value.uses.some((use) => use.node.graph !== model.graph)) {
      block(slot, "it is used inside a subgraph");
    }
    return slot;
  };
  let current: Node | undefined;
  const coupled = new Set<number>();
  const context: SpreadContext = {
    opset: model.opset,
    shapeOf,
    constantOf: (value) => shapes.constantOf(value),
    hasReached: (value, axis) => atoms.find(value, axis) !== undefined,
    couple(value, axis, other, otherAxis, map) {
      const a = slotOf(value, axis);
      const b = slotOf(other, otherAxis);
      if (!map) {
        // Both ends of a node say the same.
        const pair = Math.min(a.base, b.base) * 2 ** 26 + Math.max(a.base, b.base);
        if (a === b || coupled.has(pair)) return;
        coupled.add(pair);
        const length = Math.min(a.length, b.length);
        for (let index = 0; index < length; index++) atoms.union(a.base + index, b.base + index);
        if (a.length !== b.length) block(a, `its length differs from that of "${other.name}"`);
        return;
      }
      for (let index = 0; index < a.length; index++) {
        const target = map(index);
        if (target >= 0 && target < b.length) atoms.union(a.base + index, b.base + target);
      }
    },
    mark(value, axis, role, input) {
      const slot = slotOf(value, axis);
      const list = marks.get(slot) ?? [];
      marks.set(slot, list);
      if (
        current &&
        !list.some((mark) => mark.node === current && mark.role === role && mark.input === input)
      ) {
        list.push({ role, node: current, input });
      }
    },
    block: (value, axis, reason, index) => block(slotOf(value, axis), reason, index),
  };
  const visit = (node: Node, port: Parameters<ChannelRule["spread"]>[1]): void => {
    const rule = rules.get(operatorName(node));
    const unknown = [...node.inputs, ...node.outputs].find(
      (value) => value && !shapes.shapeOf(value),
    );
    if (!rule)
      context.block(
        port.value,
        port.axis,
        `${node.describe()} is an operator without a channel rule`,
      );
    else if (unknown)
      context.block(
        port.value,
        port.axis,
        `the shape of "${unknown.name}" at ${node.describe()} is unknown`,
      );
    else {
      current = node;
      rule.spread(node, port, context);
    }
  };
  for (const node of model.graph.nodes) {
    const axis = producedAxis(node, shapes);
    if (axis !== undefined) slotOf(node.output, axis);
  }
  // Slots grow while they are worked off.
  for (let at = 0; at < atoms.slots.length; at++) {
    const { value, axis } = atoms.slots[at] as Slot;
    const { producer } = value;
    if (producer && !constantTensor(value)) {
      visit(producer, { side: "output", index: producer.outputs.indexOf(value), value, axis });
    }
    for (const { node, index } of value.uses) {
      if (node.graph === model.graph) visit(node, { side: "input", index, value, axis });
    }
  }
  return { atoms, marks, blocks };
}

interface Draft {
  readonly slots: Slot[];
  readonly reason: string | undefined;
  width: number;
}

/** Which draft and which channel of it an atom belongs to, by atom. */
interface Places {
  readonly drafts: Int32Array;
  readonly channels: Int32Array;
}

/** Sets of atoms that touch the same axes of the same values, for the same reason blocked, are a group. */
function collectGroups(model: Model, { atoms, marks, blocks }: Analysis): readonly ChannelGroup[] {
  const roots = new Int32Array(atoms.count);
  for (let atom = 0; atom < roots.length; atom++) roots[atom] = atoms.root(atom);
  const reasonOf = new Map<number, string>();
  for (const [atom, reason] of blocks) {
    const root = roots[atom] ?? 0;
    if (!reasonOf.has(root)) reasonOf.set(root, reason);
  }
  const signatures = signaturesOf(atoms, roots);
  const drafts: Draft[] = [];
  const numbers = new Map<number | string, number>();
  const places: Places = {
    drafts: new Int32Array(atoms.count).fill(-1),
    channels: new Int32Array(atoms.count),
  };
  for (const slot of atoms.slots) {
    for (let atom = slot.base; atom < slot.base + slot.length; atom++) {
      const root = roots[atom] ?? 0;
      let number = places.drafts[root] ?? -1;
      if (number < 0) {
        const reason = reasonOf.get(root);
        const signature = signatures[root] ?? 0;
        const key = reason === undefined ? signature : `${signature} ${reason}`;
        number = numbers.get(key) ?? drafts.length;
        if (number === drafts.length) {
          numbers.set(key, number);
          drafts.push({ slots: [], reason, width: 0 });
        }
        places.drafts[root] = number;
        places.channels[root] = drafts[number]?.width ?? 0;
        (drafts[number] as Draft).width++;
      }
      // The root comes first in its set, so it is placed before the others.
      places.drafts[atom] = number;
      places.channels[atom] = places.channels[root] ?? 0;
      const { slots } = drafts[number] as Draft;
      if (slots[slots.length - 1] !== slot) slots.push(slot);
    }
  }
  const positions = new Map([...model.graph.nodes].map((node, position) => [node, position]));
  const finished = drafts.map((draft, number) =>
    finishGroup(draft, number, marks, positions, places),
  );
  finished.sort((a, b) => a.position - b.position || a.first - b.first);
  return nameGroups(finished);
}

/**
 * A number for each root, equal for those whose sets touch the same slots: the number of a path in
 * a trie of slots.
 */
function signaturesOf(atoms: ChannelAtoms, roots: Int32Array): Int32Array {
  const trie = new Map<number, number>();
  const signatures = new Int32Array(atoms.count);
  const lastSlot = new Int32Array(atoms.count).fill(-1);
  const width = atoms.slots.length + 1;
  atoms.slots.forEach((slot, slotIndex) => {
    let previousFrom = -1;
    let previousTo = -1;
    for (let atom = slot.base; atom < slot.base + slot.length; atom++) {
      const root = roots[atom] ?? 0;
      if (lastSlot[root] === slotIndex) continue;
      lastSlot[root] = slotIndex;
      const from = signatures[root] ?? 0;
      // Neighbouring channels mostly take the same step.
      if (from !== previousFrom) {
        const key = from * width + slotIndex;
        previousFrom = from;
        previousTo = trie.get(key) ?? trie.size + 1;
        trie.set(key, previousTo);
      }
      signatures[root] = previousTo;
    }
  });
  return signatures;
}

interface Finished {
  readonly position: number;
  readonly first: number;
  readonly last: number;
  readonly name: string;
  readonly covers: boolean;
  readonly group: Omit<ChannelGroup, "id">;
}

function finishGroup(
  draft: Draft,
  number: number,
  marks: Analysis["marks"],
  positions: ReadonlyMap<Node, number>,
  places: Places,
): Finished {
  const members: GroupMember[] = [];
  let lead: { slot: Slot; position: number } | undefined;
  for (const slot of draft.slots) {
    const channelOf = new Int32Array(slot.length);
    for (let index = 0; index < slot.length; index++) {
      const atom = slot.base + index;
      channelOf[index] = places.drafts[atom] === number ? (places.channels[atom] ?? -1) : -1;
    }
    const base = { value: slot.value.name, axis: slot.axis, channelOf };
    const isConstant = constantTensor(slot.value) !== undefined;
    const slotMarks = marks.get(slot) ?? [];
    if (!isConstant) members.push({ ...base, role: "activation" });
    else if (slotMarks.length === 0) members.push({ ...base, role: "parameter" });
    for (const { role, node, input } of slotMarks) {
      members.push({
        ...base,
        role,
        node: node.key,
        opType: node.opType,
        ...(input === undefined ? {} : { input }),
      });
      const position = positions.get(node) ?? 0;
      if (role === "producer" && (!lead || position < lead.position)) lead = { slot, position };
    }
  }
  const slot = lead?.slot ?? draft.slots[0];
  const owned =
    members.find((member) => member.value === slot?.value.name && member.axis === slot?.axis)
      ?.channelOf ?? new Int32Array();
  const first = owned.findIndex((channel) => channel >= 0);
  const last = owned.findLastIndex((channel) => channel >= 0);
  const blocked = draft.reason ?? (draft.width < 2 ? "it has one channel only" : undefined);
  return {
    position: lead?.position ?? Number.MAX_SAFE_INTEGER,
    first,
    last,
    name: slot?.value.name ?? "",
    covers: owned.every((channel) => channel >= 0),
    group: { width: draft.width, members, ...(blocked === undefined ? {} : { blocked }) },
  };
}

/** The lead's name; with its range of indices where the lead belongs to several groups. */
function nameGroups(finished: readonly Finished[]): readonly ChannelGroup[] {
  const taken = new Set<string>();
  return finished.map(({ name, covers, first, last, group }) => {
    const base = covers ? name : `${name}[${first}:${last + 1}]`;
    let id = base;
    for (let counter = 2; taken.has(id); counter++) id = `${base}#${counter}`;
    taken.add(id);
    return { id, ...group };
  });
}
