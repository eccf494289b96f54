import { GraphError } from "../errors.ts";
import type { AttributeContent } from "./attribute.ts";
import { Node } from "./node.ts";
import type { SourceRange } from "./source.ts";
import type { Tensor } from "./tensor.ts";
import { Value, type ValueType } from "./value.ts";

/** What {@link Graph.createNode} makes. */
export interface NodeInit {
  readonly opType: string;
  readonly inputs: readonly (Value | undefined)[];
  /** Names of the outputs, `""` for an absent one; default: one, with a unique name. */
  readonly outputs?: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeContent>>;
  readonly name?: string;
  /** Default: `""`, the standard operators. */
  readonly domain?: string;
  /** Where it stands in the node list. Default: at the end. */
  readonly before?: Node;
  readonly after?: Node;
}

/**
 * Nodes in an order in which they can run, and the values between them. A subgraph (If, Loop)
 * belongs to a node, and its nodes may read values of the graphs around it.
 */
export class Graph {
  /** @internal */
  _name = "";
  /** @internal */
  _docString = "";
  /** @internal */
  _inputs: Value[] = [];
  /** @internal */
  _outputs: Value[] = [];
  /** @internal In file order, dense and sparse. */
  _initializers: Set<Value> = new Set();
  /** @internal */
  _values: Map<string, Value> = new Map();
  /** @internal */
  _first: Node | undefined;
  /** @internal */
  _last: Node | undefined;
  /** @internal */
  _nodeCount = 0;
  /** @internal The GraphProto this was read from; gone once edited. */
  _source: SourceRange | undefined;
  /** @internal Fields of the GraphProto that are carried unread. */
  _carried: readonly SourceRange[] = [];
  /** @internal */
  _ownerNode: Node | undefined;
  /** @internal Called when anything changes. */
  _onTouch: (() => void) | undefined;
  #nameCounters: Map<string, number> = new Map();

  get name(): string {
    return this._name;
  }

  set name(name: string) {
    this._name = name;
    this._touch();
  }

  get docString(): string {
    return this._docString;
  }

  get inputs(): readonly Value[] {
    return this._inputs;
  }

  get outputs(): readonly Value[] {
    return this._outputs;
  }

  /** Values with a constant, in file order. */
  get initializers(): readonly Value[] {
    return [...this._initializers];
  }

  /** Every value of this graph, without those of graphs around it. */
  get values(): IterableIterator<Value> {
    return this._values.values();
  }

  get nodeCount(): number {
    return this._nodeCount;
  }

  /** The node that this is a subgraph of. */
  get ownerNode(): Node | undefined {
    return this._ownerNode;
  }

  /** The nodes in order. Nodes may be added and removed while iterating. */
  get nodes(): Iterable<Node> {
    const graph = this;
    return {
      *[Symbol.iterator](): Generator<Node> {
        let node = graph._first;
        while (node) {
          if (!node._removed) yield node;
          node = node._next;
        }
      },
    };
  }

  /** The value of that name in this graph. */
  value(name: string): Value | undefined {
    return this._values.get(name);
  }

  /**
   * Creates a node and its output values.
   * @throws GraphError `invalid-edit` if an output name is taken.
   */
  createNode(init: NodeInit): Node {
    const attributes = Object.entries(init.attributes ?? {}).map(([name, content]) => ({
      ...content,
      name,
    }));
    const names = init.outputs ?? [this.uniqueName(init.name || init.opType)];
    this.#assertFree(names);
    for (const neighbour of [init.before, init.after])
      if (neighbour) this.#assertOwn(neighbour, "createNode");
    const node = new Node(this, init.opType, init.domain ?? "", [...init.inputs], attributes);
    node._name = init.name ?? "";
    node._outputs = names.map((name) => (name === "" ? undefined : this._define(name)));
    for (const output of node._outputs) if (output) output._producer = node;
    node._inputs.forEach((value, index) => {
      value?._addUse(node, index);
    });
    for (const subgraph of node._subgraphs()) subgraph._ownerNode = node;
    this._link(node, init.after ?? (init.before ? init.before._previous : this._last));
    this._touch();
    return node;
  }

  /**
   * Removes a node and its outputs.
   * @throws GraphError `invalid-edit` if an output is still read or is an output of the graph.
   */
  remove(node: Node): void {
    this.#assertOwn(node, "remove");
    for (const output of node._outputs) {
      if (output && (output._uses.length > 0 || output._outputCount > 0)) {
        throw new GraphError(
          "invalid-edit",
          `Graph.remove: output "${output.name}" of ${node.describe()} is still used; replace its uses first`,
          { node: node.name, value: output.name },
        );
      }
    }
    for (let index = node._inputs.length - 1; index >= 0; index--) node.setInput(index, undefined);
    for (const subgraph of node._subgraphs()) subgraph._detachCaptures();
    for (const output of node._outputs) if (output) this._values.delete(output.name);
    if (node._previous) node._previous._next = node._next;
    else this._first = node._next;
    if (node._next) node._next._previous = node._previous;
    else this._last = node._previous;
    node._removed = true;
    this._nodeCount--;
    this._touch();
  }

  /** Adds a constant; with a name that is taken, `uniqueName` of it is used. */
  addInitializer(name: string, tensor: Tensor): Value {
    const value = this._define(this.uniqueName(name));
    value._tensor = tensor;
    this._initializers.add(value);
    this._touch();
    return value;
  }

  /**
   * Removes an initializer that nothing reads.
   * @throws GraphError `invalid-edit` if it is used, or not an initializer of this graph.
   */
  removeInitializer(value: Value): void {
    if (!this._initializers.has(value)) {
      throw new GraphError(
        "invalid-edit",
        `Graph.removeInitializer: "${value.name}" is not an initializer of this graph`,
        { value: value.name },
      );
    }
    if (value._uses.length > 0 || value._outputCount > 0) {
      throw new GraphError(
        "invalid-edit",
        `Graph.removeInitializer: "${value.name}" is still used`,
        { value: value.name },
      );
    }
    this._initializers.delete(value);
    value._tensor = undefined;
    value._sparse = undefined;
    if (value._inputCount === 0) this._values.delete(value.name);
    this._touch();
  }

  addInput(name: string, type: ValueType): Value {
    const value = this._define(name);
    value._type = type;
    this.setInputs([...this._inputs, value]);
    return value;
  }

  setInputs(inputs: readonly Value[]): void {
    for (const value of this._inputs) value._inputCount--;
    const old = this._inputs;
    this._inputs = [...inputs];
    for (const value of this._inputs) {
      value._inputCount++;
      // One that was taken off before is no longer known.
      if (!this._values.has(value.name)) this._values.set(value.name, value);
    }
    for (const value of old) {
      if (
        value._inputCount === 0 &&
        !value.isInitializer &&
        value._uses.length === 0 &&
        value._outputCount === 0
      ) {
        this._values.delete(value.name);
      }
    }
    this._touch();
  }

  setOutputs(outputs: readonly Value[]): void {
    for (const value of this._outputs) value._outputCount--;
    this._outputs = [...outputs];
    for (const value of this._outputs) value._outputCount++;
    this._touch();
  }

  /** A value name that is not taken, here or in the graphs around: `base`, or `base_2`, … */
  uniqueName(base: string): string {
    const isTaken = (name: string): boolean => {
      for (let graph: Graph | undefined = this; graph; graph = graph._ownerNode?.graph) {
        if (graph._values.has(name)) return true;
      }
      return false;
    };
    if (!isTaken(base)) return base;
    let counter = this.#nameCounters.get(base) ?? 2;
    while (isTaken(`${base}_${counter}`)) counter++;
    this.#nameCounters.set(base, counter + 1);
    return `${base}_${counter}`;
  }

  /**
   * Puts the nodes into an order in which each stands after those it reads from; nodes keep their
   * order where that is possible. Returns whether anything moved.
   * @throws GraphError `invalid-model` if there is a cycle, naming a node on it.
   */
  sort(): boolean {
    const sorted = topologicalOrder(this);
    let node = this._first;
    let moved = false;
    for (const next of sorted) {
      if (node !== next) {
        moved = true;
        break;
      }
      node = node?._next;
    }
    if (!moved) return false;
    this._first = undefined;
    this._last = undefined;
    this._nodeCount = 0;
    for (const next of sorted) this._link(next, this._last);
    this._touch();
    return true;
  }

  /** @internal Creates a value. */
  _define(name: string): Value {
    if (this._values.has(name)) throw taken("Graph", name);
    const value = new Value(this, name);
    this._values.set(name, value);
    return value;
  }

  /** @internal */
  _link(node: Node, after: Node | undefined): void {
    const next = after ? after._next : this._first;
    node._previous = after;
    node._next = next;
    if (after) after._next = node;
    else this._first = node;
    if (next) next._previous = node;
    else this._last = node;
    this._nodeCount++;
  }

  /** @internal */
  _rename(value: Value, name: string): void {
    if (this._values.has(name)) throw taken("Value.name", name);
    this._values.delete(value._name);
    value._name = name;
    this._values.set(name, value);
    value._producer?._touch();
    for (const use of value._uses) use.node._touch();
    this._touch();
  }

  /** @internal */
  _setTensor(value: Value, tensor: Tensor | undefined): void {
    value._tensor = tensor;
    value._sparse = undefined;
    if (tensor) this._initializers.add(value);
    else this._initializers.delete(value);
    this._touch();
  }

  /** @internal Drops the uses that nodes and outputs inside make of values of graphs around. */
  _detachCaptures(): void {
    for (const node of this.nodes) {
      for (let index = node._inputs.length - 1; index >= 0; index--) {
        const value = node._inputs[index];
        if (value && value.graph !== this) node.setInput(index, undefined);
      }
      for (const subgraph of node._subgraphs()) subgraph._detachCaptures();
    }
    if (this._outputs.some((output) => output.graph !== this))
      this.setOutputs(this._outputs.filter((output) => output.graph === this));
  }

  /** Throws if one of the names is taken, or stands there twice. */
  #assertFree(names: readonly string[]): void {
    const seen = new Set<string>();
    for (const name of names) {
      if (name !== "" && (seen.has(name) || this._values.has(name))) throw taken("Graph", name);
      seen.add(name);
    }
  }

  #assertOwn(node: Node, method: string): void {
    if (node.graph === this && !node._removed) return;
    throw new GraphError(
      "invalid-edit",
      `Graph.${method}: ${node.describe()} is not in this graph`,
      { node: node.name },
    );
  }

  /** @internal Forgets the bytes this and what is around it were read from. */
  _touch(): void {
    this._source = undefined;
    this._ownerNode?._touch();
    this._onTouch?.();
  }
}

function taken(where: string, name: string): GraphError {
  return new GraphError(
    "invalid-edit",
    `${where}: there is already a value "${name}"; use uniqueName()`,
    { value: name },
  );
}

/** The graphs inside a node's attributes. */
export function listSubgraphs(node: Node): readonly Graph[] {
  return node._subgraphs();
}

/** Values of graphs around that a node's subgraphs read. */
export function listCaptures(node: Node): readonly Value[] {
  const captured = new Set<Value>();
  const visit = (graph: Graph, inner: Set<Graph>): void => {
    inner.add(graph);
    for (const child of graph.nodes) {
      for (const input of child.inputs) if (input && !inner.has(input.graph)) captured.add(input);
      for (const subgraph of listSubgraphs(child)) visit(subgraph, inner);
    }
    for (const output of graph.outputs) if (!inner.has(output.graph)) captured.add(output);
  };
  const inner = new Set<Graph>();
  for (const graph of listSubgraphs(node)) visit(graph, inner);
  return [...captured];
}

/** Kahn's algorithm, always taking the ready node that stands first in the present order. */
function topologicalOrder(graph: Graph): readonly Node[] {
  const position = new Map<Node, number>();
  const nodes = [...graph.nodes];
  nodes.forEach((node, index) => {
    position.set(node, index);
  });
  const waiting = new Map<Node, number>();
  const dependants = new Map<Node, Node[]>();
  for (const node of nodes) {
    const sources = new Set<Node>();
    for (const value of [...node.inputs, ...listCaptures(node)]) {
      if (value?.producer && value.producer.graph === graph) sources.add(value.producer);
    }
    waiting.set(node, sources.size);
    for (const source of sources) {
      const list = dependants.get(source);
      if (list) list.push(node);
      else dependants.set(source, [node]);
    }
  }
  const ready = nodes
    .filter((node) => waiting.get(node) === 0)
    .map((node) => position.get(node) ?? 0);
  const sorted: Node[] = [];
  const heap = createMinHeap(ready);
  for (let index = heap.pop(); index !== undefined; index = heap.pop()) {
    const node = nodes[index];
    if (!node) break;
    sorted.push(node);
    for (const dependant of dependants.get(node) ?? []) {
      const left = (waiting.get(dependant) ?? 0) - 1;
      waiting.set(dependant, left);
      if (left === 0) heap.push(position.get(dependant) ?? 0);
    }
  }
  if (sorted.length < nodes.length) {
    const stuck = nodes.find((node) => (waiting.get(node) ?? 0) > 0);
    throw new GraphError(
      "invalid-model",
      `Graph.sort: the graph has a cycle through ${stuck?.describe()}; a model must be acyclic`,
      { ...(stuck ? { node: stuck.name || stuck.key } : {}) },
    );
  }
  return sorted;
}

function createMinHeap(items: readonly number[]): {
  push(item: number): void;
  pop(): number | undefined;
} {
  const heap: number[] = [];
  const swap = (a: number, b: number): void => {
    const kept = heap[a] ?? 0;
    heap[a] = heap[b] ?? 0;
    heap[b] = kept;
  };
  const push = (item: number): void => {
    heap.push(item);
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] ?? 0) <= (heap[at] ?? 0)) break;
      swap(at, parent);
      at = parent;
    }
  };
  const pop = (): number | undefined => {
    const top = heap[0];
    const last = heap.pop();
    if (heap.length > 0 && last !== undefined) {
      heap[0] = last;
      let at = 0;
      for (;;) {
        const left = 2 * at + 1;
        if (left >= heap.length) break;
        const right = left + 1;
        const smaller =
          right < heap.length && (heap[right] ?? 0) < (heap[left] ?? 0) ? right : left;
        if ((heap[at] ?? 0) <= (heap[smaller] ?? 0)) break;
        swap(at, smaller);
        at = smaller;
      }
    }
    return top;
  };
  for (const item of items) push(item);
  return { push, pop };
}
