import type { Graph } from "./graph.ts";
import type { SourceRange } from "./source.ts";

/** A whole ONNX model: a graph, the operator versions it is written in, and metadata. */
export class Model {
  readonly graph: Graph;
  /** @internal */
  _irVersion = 8;
  /** @internal */
  _opsetImports: Map<string, number> = new Map();
  /** @internal */
  _metadata: Map<string, string> = new Map();
  /** @internal Producer, version, domain, model version, doc string: carried as they are. */
  _producerName = "";
  /** @internal */
  _producerVersion = "";
  /** @internal The ModelProto this was read from; gone once edited. */
  _source: SourceRange | undefined;
  /** @internal Fields that are carried unread: functions, training info, unknown ones. */
  _carried: readonly SourceRange[] = [];
  /** @internal Where the files of external data lie. */
  _externalFolder: string | undefined;
  /** @internal Names of the model's own functions, as `domain:name`. */
  _functions: ReadonlySet<string> = new Set();

  constructor(graph: Graph) {
    this.graph = graph;
    graph._onTouch = () => {
      this._source = undefined;
    };
  }

  /** Version of the file format. */
  get irVersion(): number {
    return this._irVersion;
  }

  set irVersion(version: number) {
    this._irVersion = version;
    this._source = undefined;
  }

  /** Operator set version by domain, `""` for the standard operators. */
  get opsetImports(): ReadonlyMap<string, number> {
    return this._opsetImports;
  }

  /** Version of the standard operators; 1 if the model imports none. */
  get opset(): number {
    return this._opsetImports.get("") ?? 1;
  }

  setOpset(domain: string, version: number): void {
    this._opsetImports.set(domain === "ai.onnx" ? "" : domain, version);
    this._source = undefined;
  }

  get producerName(): string {
    return this._producerName;
  }

  get producerVersion(): string {
    return this._producerVersion;
  }

  /** Key-value pairs stored with the model. */
  get metadata(): ReadonlyMap<string, string> {
    return this._metadata;
  }

  setMetadata(key: string, value: string): void {
    this._metadata.set(key, value);
    this._source = undefined;
  }

  /** Whether the model defines this operator itself, as a function. */
  hasFunction(domain: string, name: string): boolean {
    return this._functions.has(`${domain}:${name}`);
  }
}
