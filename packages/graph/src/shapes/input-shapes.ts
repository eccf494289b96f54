import { GraphError } from "../errors.ts";
import type { Model } from "../ir/model.ts";
import type { Dimension, Value } from "../ir/value.ts";
import { formatDims } from "./dims.ts";

/** What {@link resolveInputShapes} fills unknown dims with. */
export interface InputShapeOptions {
  /** Height and width of 4-dimensional inputs, in pixels. Default: `[640, 640]`. */
  readonly size?: readonly [height: number, width: number];
  /** Whole shapes, by input name; they win over `size`. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
}

/** Inputs that a caller must feed: those without a constant of their own. */
function listFedInputs(model: Model): readonly Value[] {
  return model.graph.inputs.filter((value) => !value.isInitializer);
}

function describeShape(shape: readonly Dimension[] | undefined): string {
  return shape ? `[${shape.map((dim) => dim ?? "?").join(", ")}]` : "no shape";
}

function declaredShape(value: Value): readonly Dimension[] | undefined {
  return value.type?.kind === "tensor" ? value.type.shape : undefined;
}

/**
 * The shape to use for every tensor input: the given one or, if it has fixed dims only, the
 * declared one.
 * @throws GraphError `invalid-option` for an unknown dim, a bad dim, or a name that is no input;
 * `shape-mismatch` if a given shape contradicts the declared one.
 */
export function readInputShapes(
  model: Model,
  given: Readonly<Record<string, readonly number[]>> = {},
  caller = "inferShapes",
): Record<string, readonly number[]> {
  const inputs = model.graph.inputs;
  for (const name of Object.keys(given)) {
    if (inputs.some((input) => input.name === name)) continue;
    throw new GraphError(
      "invalid-option",
      `${caller}: inputShapes names "${name}", which is no input; the inputs are ${inputs.map((input) => `"${input.name}"`).join(", ")}`,
      { value: name },
    );
  }
  const shapes: Record<string, readonly number[]> = {};
  for (const input of listFedInputs(model)) {
    if (input.type?.kind === "other") continue;
    const declared = declaredShape(input);
    const own = Object.hasOwn(given, input.name) ? given[input.name] : undefined;
    if (own) assertFits(input, own, declared, caller);
    const shape = own ?? declared;
    if (!shape?.every((dim): dim is number => typeof dim === "number")) {
      throw new GraphError(
        "invalid-option",
        `${caller}: input "${input.name}" has the shape ${describeShape(declared)}, which is not fixed; give inputShapes: { "${input.name}": [...] }`,
        { value: input.name },
      );
    }
    shapes[input.name] = shape;
  }
  return shapes;
}

function assertFits(
  input: Value,
  given: readonly number[],
  declared: readonly Dimension[] | undefined,
  caller: string,
): void {
  if (!given.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    throw new GraphError(
      "invalid-option",
      `${caller}: the shape ${formatDims(given)} given for input "${input.name}" should hold integers, 0 or more`,
      { value: input.name },
    );
  }
  if (!declared) return;
  const fits =
    declared.length === given.length &&
    declared.every((dim, axis) => typeof dim !== "number" || dim === given[axis]);
  if (!fits) {
    throw new GraphError(
      "shape-mismatch",
      `${caller}: the shape ${formatDims(given)} given for input "${input.name}" contradicts its declared shape ${describeShape(declared)}; give one that fits`,
      { value: input.name },
    );
  }
}

/**
 * Fixed shapes for all tensor inputs, guessed as an image model needs them: a batch of 1, and for
 * `[N, C, H, W]` inputs 3 channels and `size`. Fixed dims stay as they are.
 * @throws GraphError `invalid-option` naming the inputs whose shape cannot be guessed, and
 * `shape-mismatch` as {@link readInputShapes}.
 */
export function resolveInputShapes(
  model: Model,
  options: InputShapeOptions = {},
): Record<string, readonly number[]> {
  const [height, width] = options.size ?? [640, 640];
  const guess = [1, 3, height, width];
  const given: Record<string, readonly number[]> = { ...options.inputShapes };
  const open: Value[] = [];
  for (const input of listFedInputs(model)) {
    if (Object.hasOwn(given, input.name) || input.type?.kind === "other") continue;
    const shape = declaredShape(input)?.map((dim, axis, all) => {
      if (typeof dim === "number") return dim;
      return all.length === 4 || axis === 0 ? guess[axis] : undefined;
    });
    if (shape?.every((dim): dim is number => dim !== undefined)) given[input.name] = shape;
    else open.push(input);
  }
  if (open.length > 0) {
    const list = open.map((input) => `"${input.name}" ${describeShape(declaredShape(input))}`);
    throw new GraphError(
      "invalid-option",
      `resolveInputShapes: no shape can be guessed for input ${list.join(", ")}; give inputShapes`,
      { value: open[0]?.name ?? "" },
    );
  }
  return readInputShapes(model, given, "resolveInputShapes");
}
