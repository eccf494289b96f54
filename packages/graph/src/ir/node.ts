import { GraphError } from "../errors.ts";
import type { Attribute, AttributeContent } from "./attribute.ts";
import type { Graph } from "./graph.ts";
import type { SourceRange } from "./source.ts";
import type { Value } from "./value.ts";

type Contents = { [C in AttributeContent as C["type"]]: C["value"] };

/** One operation. Its inputs may be absent (`undefined`); it owns its output values. */
export class Node {
  readonly opType: string;
  /** `""` for standard operators. */
  readonly domain: string;
  readonly graph: Graph;
  /** @internal */
  _name: string;
  /** @internal */
  _docString: string;
  /** @internal */
  _inputs: (Value | undefined)[];
  /** @internal */
  _outputs: readonly (Value | undefined)[];
  /** @internal */
  _attributes: readonly Attribute[];
  /** @internal The NodeProto this was read from; gone once edited. */
  _source: SourceRange | undefined;
  /** @internal Fields of the NodeProto that are carried unread. */
  _carried: readonly SourceRange[] = [];
  /** @internal Links of the graph's node list; kept after removal so that iteration goes on. */
  _next: Node | undefined;
  /** @internal */
  _previous: Node | undefined;
  /** @internal */
  _removed = false;

  /** @internal Use {@link Graph.createNode}. */
  constructor(
    graph: Graph,
    opType: string,
    domain: string,
    inputs: (Value | undefined)[],
    attributes: readonly Attribute[],
  ) {
    this.graph = graph;
    this.opType = opType;
    this.domain = domain === "ai.onnx" ? "" : domain;
    this._name = "";
    this._docString = "";
    this._inputs = inputs;
    this._outputs = [];
    this._attributes = attributes;
  }

  /** May be empty, and need not be unique. */
  get name(): string {
    return this._name;
  }

  set name(name: string) {
    this._name = name;
    this._touch();
  }

  /** Name of the first output: unique in the graph, and never empty for a useful node. */
  get key(): string {
    for (const output of this._outputs) if (output) return output.name;
    return this._name;
  }

  get inputs(): readonly (Value | undefined)[] {
    return this._inputs;
  }

  /** Trailing or unused outputs may be absent. */
  get outputs(): readonly (Value | undefined)[] {
    return this._outputs;
  }

  get attributes(): readonly Attribute[] {
    return this._attributes;
  }

  get removed(): boolean {
    return this._removed;
  }

  /** Input `index`, or `undefined` if it is absent. */
  input(index: number): Value | undefined {
    return this._inputs[index];
  }

  /** The first output. @throws GraphError `invalid-model` if the node has none. */
  get output(): Value {
    const output = this._outputs[0];
    if (!output)
      throw new GraphError("invalid-model", `Node.output: ${this.describe()} has no output`, {
        node: this.name,
      });
    return output;
  }

  attribute(name: string): Attribute | undefined {
    for (const attribute of this._attributes) if (attribute.name === name) return attribute;
    return undefined;
  }

  /** An int attribute. @throws GraphError `invalid-model` if it has another type. */
  int(name: string): number | undefined;
  int(name: string, fallback: number): number;
  int(name: string, fallback?: number): number | undefined {
    return this.#typed(name, "int") ?? fallback;
  }

  float(name: string): number | undefined;
  float(name: string, fallback: number): number;
  float(name: string, fallback?: number): number | undefined {
    return this.#typed(name, "float") ?? fallback;
  }

  string(name: string): string | undefined;
  string(name: string, fallback: string): string;
  string(name: string, fallback?: string): string | undefined {
    return this.#typed(name, "string") ?? fallback;
  }

  ints(name: string): readonly number[] | undefined {
    return this.#typed(name, "ints");
  }

  floats(name: string): readonly number[] | undefined {
    return this.#typed(name, "floats");
  }

  #typed<T extends keyof Contents>(name: string, type: T): Contents[T] | undefined {
    const attribute = this.attribute(name);
    if (!attribute) return undefined;
    if (attribute.type !== type) {
      throw new GraphError(
        "invalid-model",
        `${this.describe()}: attribute "${name}" is of type ${attribute.type}, expected ${type}`,
        { node: this.name },
      );
    }
    return attribute.value as Contents[T];
  }

  /** Sets or replaces an attribute; `undefined` removes it. */
  setAttribute(name: string, content: AttributeContent | undefined): void {
    const others = this._attributes.filter((attribute) => attribute.name !== name);
    if (content === undefined && others.length === this._attributes.length) return;
    const old = this._subgraphs();
    this._attributes = content === undefined ? others : [...others, { ...content, name }];
    const kept = new Set(this._subgraphs());
    for (const graph of kept) graph._ownerNode = this;
    for (const graph of old) if (!kept.has(graph)) graph._detachCaptures();
    this._touch();
  }

  /** @internal The graphs inside attributes. */
  _subgraphs(): readonly Graph[] {
    const graphs: Graph[] = [];
    for (const attribute of this._attributes) {
      if (attribute.type === "graph") graphs.push(attribute.value);
      else if (attribute.type === "graphs") graphs.push(...attribute.value);
    }
    return graphs;
  }

  /** Connects an input to another value, or disconnects it. Trailing absent inputs are dropped. */
  setInput(index: number, value: Value | undefined): void {
    const old = this._inputs[index];
    if (old === value) return;
    old?._removeUse(this, index);
    while (this._inputs.length <= index) this._inputs.push(undefined);
    this._inputs[index] = value;
    value?._addUse(this, index);
    while (this._inputs.length > 0 && this._inputs[this._inputs.length - 1] === undefined)
      this._inputs.pop();
    this._touch();
  }

  /** For messages: `Conv "conv1"`, with the first output's name if the node has none. */
  describe(): string {
    return `${this.opType} "${this._name || this.key}"`;
  }

  /** @internal Forgets the bytes this was read from. */
  _touch(): void {
    this._source = undefined;
    this.graph._touch();
  }
}
