import { GraphError } from "../errors.ts";
import type { DataType } from "./data-type.ts";
import type { Graph } from "./graph.ts";
import type { Node } from "./node.ts";
import type { SourceRange } from "./source.ts";
import type { Tensor } from "./tensor.ts";

/** One dimension of a shape: a size, a symbol such as `"batch"`, or `undefined` if unknown. */
export type Dimension = number | string | undefined;

/** Type of a value, as the model declares it. */
export type ValueType =
  | { readonly kind: "tensor"; readonly dtype: DataType; readonly shape?: readonly Dimension[] }
  /** Sequences, maps, optionals, sparse tensors: carried unread (the ValueInfoProto has them). */
  | { readonly kind: "other" };

/** What the file says of a value. @internal */
export interface DeclaredInfo {
  readonly source: SourceRange;
  readonly name: string;
  readonly type: ValueType | undefined;
}

const NO_USES: Use[] = [];

/** One input slot of a node that reads a value. */
export interface Use {
  readonly node: Node;
  readonly index: number;
}

/**
 * A named edge of the graph. It knows who produces it (`undefined` for graph inputs and
 * initializers) and who reads it. An initializer is a value with a `tensor`.
 */
export class Value {
  /** @internal */
  _name: string;
  /** @internal */
  _producer: Node | undefined;
  /** @internal */
  _uses: Use[] = NO_USES;
  /** @internal */
  _tensor: Tensor | undefined;
  /** @internal */
  _type: ValueType | undefined;
  /** @internal The ValueInfoProto that declares this value, with the name and type it states. */
  _info: DeclaredInfo | undefined;
  /** @internal A sparse initializer: the SparseTensorProto, carried unread. */
  _sparse: SourceRange | undefined;
  /** @internal How often it stands among the graph's inputs and outputs. */
  _inputCount = 0;
  /** @internal */
  _outputCount = 0;
  readonly graph: Graph;

  /** @internal Use {@link Graph}'s methods. */
  constructor(graph: Graph, name: string) {
    this.graph = graph;
    this._name = name;
  }

  /** Unique within the graph. */
  get name(): string {
    return this._name;
  }

  set name(name: string) {
    if (name === this._name) return;
    this.graph._rename(this, name);
  }

  /** The node that computes this value. */
  get producer(): Node | undefined {
    return this._producer;
  }

  /** Every input slot that reads this value, also in subgraphs, in no particular order. */
  get uses(): readonly Use[] {
    return this._uses;
  }

  /** The nodes that read this value, each once. */
  get consumers(): readonly Node[] {
    return this._uses.length < 2
      ? this._uses.map((use) => use.node)
      : [...new Set(this._uses.map((use) => use.node))];
  }

  /** The constant of an initializer. */
  get tensor(): Tensor | undefined {
    return this._tensor;
  }

  set tensor(tensor: Tensor | undefined) {
    if (tensor === this._tensor) return;
    if (this._producer) {
      throw new GraphError(
        "invalid-edit",
        `Value.tensor: "${this.name}" is computed by ${this._producer.describe()}; replace its uses by a new initializer`,
        { value: this.name },
      );
    }
    this.graph._setTensor(this, tensor);
  }

  /** Declared type, if any. Computed shapes come from `inferShapes`. */
  get type(): ValueType | undefined {
    return this._type;
  }

  set type(type: ValueType | undefined) {
    this._type = type;
    this.graph._touch();
  }

  get isGraphInput(): boolean {
    return this._inputCount > 0;
  }

  get isGraphOutput(): boolean {
    return this._outputCount > 0;
  }

  /** True for initializers, dense or sparse. */
  get isInitializer(): boolean {
    return this._tensor !== undefined || this._sparse !== undefined;
  }

  /** @internal Most values have one reader, so the list is made to fit rather than grown. */
  _addUse(node: Node, index: number): void {
    if (this._uses.length === 0) this._uses = [{ node, index }];
    else this._uses.push({ node, index });
  }

  /** @internal */
  _removeUse(node: Node, index: number): void {
    this._uses = this._uses.filter((use) => use.node !== node || use.index !== index);
  }

  /** Makes every reader of this value, and the graph's outputs, read `other` instead. */
  replaceAllUsesWith(other: Value): void {
    if (other === this) return;
    for (const use of [...this._uses]) use.node.setInput(use.index, other);
    if (this._outputCount > 0) replaceOutput(this.graph, this, other);
  }
}

/** A subgraph may give out a value of a graph around it. */
function replaceOutput(graph: Graph, value: Value, other: Value): void {
  if (graph.outputs.includes(value)) {
    graph.setOutputs(graph.outputs.map((output) => (output === value ? other : output)));
  }
  if (value._outputCount === 0) return;
  for (const node of graph.nodes)
    for (const subgraph of node._subgraphs()) replaceOutput(subgraph, value, other);
}
