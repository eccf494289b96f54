import { type AttributeContent, type Graph, int, type Value } from "@ocrslim/graph";
import { addMultiNode, addNode, intConstant, randomWeight } from "@ocrslim/test-utils";

/** A small model that both engines compute and differentiate. */
export interface TfjsCase {
  readonly name: string;
  /** Dims of the inputs. */
  readonly inputs: readonly (readonly number[])[];
  readonly build: (graph: Graph, ...inputs: Value[]) => Value | readonly Value[];
  /** Default: 20. */
  readonly opset?: number;
  /** Range of the inputs' elements. Default: −2 to 2. */
  readonly range?: readonly [low: number, high: number];
  /** False where no gradient goes through, or none is defined. Default: true. */
  readonly differentiable?: boolean;
}

export type Attributes = Readonly<Record<string, AttributeContent>>;

interface OpOptions {
  /** Constant int64 inputs after the others; `undefined` leaves one out. */
  readonly ints?: readonly (readonly number[] | undefined)[];
  readonly attributes?: Attributes;
  /** Dims of the output. Default: of the first input. */
  readonly to?: readonly number[];
  readonly range?: readonly [low: number, high: number];
  readonly opset?: number;
  readonly differentiable?: boolean;
  readonly label?: string;
}

/** One node: its inputs, then constants. */
export function op(
  opType: string,
  inputs: readonly (readonly number[])[],
  options: OpOptions = {},
): TfjsCase {
  const { ints: constants = [], attributes = {}, to = inputs[0] ?? [], label, ...rest } = options;
  const settings = Object.entries(attributes).map(([key, { value }]) => `${key}=${String(value)}`);
  const extras = constants.map((values) => `[${values ?? ""}]`);
  const dims = inputs.map((own) => `[${own}]`);
  return {
    name: label ?? [opType, ...dims, ...extras, ...settings].join(" "),
    inputs,
    build: (graph, ...values) => {
      const all = [
        ...values,
        ...constants.map((own) => own && intConstant(graph, `${opType}_ints`, own)),
      ];
      return addNode(graph, opType, all, to, attributes);
    },
    ...rest,
  };
}

/** A bool output, as the 0 and 1 it is cast to. */
export function asFloat(graph: Graph, value: Value, dims: readonly number[]): Value {
  return addNode(graph, "Cast", [value], dims, { to: int(1) });
}

/** Any node with random weights as further inputs. */
export function weighted(
  opType: string,
  x: readonly number[],
  weights: readonly (readonly number[])[],
  to: readonly number[],
  attributes: Attributes = {},
): TfjsCase {
  const settings = Object.entries(attributes).map(([key, { value }]) => `${key}=${String(value)}`);
  return {
    name: [opType, `[${x}]`, ...weights.map((own) => `[${own}]`), ...settings].join(" "),
    inputs: [x],
    build: (graph, value) => {
      const own = weights.map((dims, index) => randomWeight(graph, `weight${index}`, dims));
      return addNode(graph, opType, [value, ...own], to, attributes);
    },
  };
}

export const parts = (
  opType: string,
  x: readonly number[],
  to: readonly (readonly number[])[],
  constants: readonly (readonly number[])[],
  attributes: Attributes,
): TfjsCase => ({
  name: `${opType} [${x}] into ${JSON.stringify(to)}`,
  inputs: [x],
  build: (graph, value) =>
    addMultiNode(
      graph,
      opType,
      [value, ...constants.map((own) => intConstant(graph, "sizes", own))],
      to,
      attributes,
    ),
});

export const square: readonly number[] = [2, 3, 4];

export const image: readonly number[] = [2, 4, 5, 6];

export const positive = { range: [0.2, 2] } as const;
