import { type Model, operatorName, type Value } from "@ocrslim/graph";

/** What a parameter is to the nodes that read it. */
export type ParameterRole = "weight" | "bias" | "scale" | "shift" | "slope";

/** A float32 initializer that training may change. */
export interface ModelParameter {
  readonly name: string;
  readonly dims: readonly number[];
  readonly size: number;
  readonly role: ParameterRole;
  /** Operators that read it. */
  readonly opTypes: readonly string[];
}

/** The inputs of each operator that are parameters. */
const ROLES: ReadonlyMap<string, Readonly<Record<number, ParameterRole>>> = new Map([
  ["Conv", { 1: "weight", 2: "bias" }],
  ["ConvTranspose", { 1: "weight", 2: "bias" }],
  ["Gemm", { 0: "weight", 1: "weight", 2: "bias" }],
  ["MatMul", { 0: "weight", 1: "weight" }],
  ["BatchNormalization", { 1: "scale", 2: "shift" }],
  ["InstanceNormalization", { 1: "scale", 2: "shift" }],
  ["LayerNormalization", { 1: "scale", 2: "shift" }],
  ["GroupNormalization", { 1: "scale", 2: "shift" }],
  ["PRelu", { 1: "slope" }],
]);

/** The same for arithmetic, where a single number is a part of a formula more often than a weight. */
const VECTOR_ROLES: ReadonlyMap<string, ParameterRole> = new Map([
  ["Mul", "scale"],
  ["Div", "scale"],
  ["Add", "shift"],
  ["Sub", "shift"],
]);

/**
 * Lists what training changes by default: weights, biases, and scales and shifts of normalizations,
 * slopes, and per-channel constants of Mul, Div, Add and Sub, in the order of the model's
 * initializers. Running statistics are no parameters.
 * @category Analysis
 */
export function findParameters(model: Model): readonly ModelParameter[] {
  return model.graph.initializers.flatMap((value) => {
    const { tensor } = value;
    const role = roleOf(value);
    if (tensor?.dtype !== "float32" || tensor.size === 0 || !role) return [];
    const opTypes = [...new Set(value.consumers.map((node) => node.opType))];
    return [{ name: value.name, dims: tensor.dims, size: tensor.size, role, opTypes }];
  });
}

/** The role at the first reader; `undefined` if a reader uses it as something else. */
function roleOf(value: Value): ParameterRole | undefined {
  let found: ParameterRole | undefined;
  for (const { node, index } of value.uses) {
    const name = operatorName(node);
    const isVector = (value.tensor?.size ?? 0) > 1;
    const role = ROLES.get(name)?.[index] ?? (isVector ? VECTOR_ROLES.get(name) : undefined);
    if (!role) return undefined;
    found ??= role;
  }
  return found;
}
