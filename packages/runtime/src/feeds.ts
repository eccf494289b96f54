import { type DataType, elementCount, Model, type Value } from "@ocrslim/graph";
import { RuntimeError } from "./errors.ts";
import { elementArrayOf } from "./tensors.ts";
import type { RuntimeTensor, Session, SessionPort } from "./types.ts";

/** What one run of a model takes: a tensor for each input, by name. */
export type Feeds = Readonly<Record<string, RuntimeTensor>>;

/**
 * Checks feeds against a model's inputs: each there, none unknown, type, rank and fixed dims equal,
 * as many elements as the dims say. Inputs without a declared shape take any dims.
 * @throws RuntimeError `invalid-feed` naming the input.
 */
export function assertFeeds(inputs: readonly SessionPort[], feeds: Feeds): void {
  const known = new Set(inputs.map((port) => port.name));
  for (const name of Object.keys(feeds)) {
    if (!known.has(name)) {
      throw invalidFeed(name, `there is no input "${name}"; the inputs are ${list(known)}`);
    }
  }
  for (const port of inputs) {
    const tensor = feeds[port.name];
    if (!tensor) throw invalidFeed(port.name, `input "${port.name}" is missing; feed it`);
    assertFeed(port, tensor);
  }
}

function assertFeed(port: SessionPort, tensor: RuntimeTensor): void {
  const { name } = port;
  const { dtype, dims, data } = tensor;
  if (port.dtype !== "undefined" && dtype !== port.dtype) {
    throw invalidFeed(name, `input "${name}" is of type ${dtype}; the model takes ${port.dtype}`);
  }
  const bad = dims.find((dim) => !Number.isSafeInteger(dim) || dim < 0);
  if (bad !== undefined) {
    throw invalidFeed(name, `input "${name}" has the dim ${bad}; dims are integers of 0 or more`);
  }
  const fits =
    port.shape.length === 0 ||
    (port.shape.length === dims.length &&
      port.shape.every((dim, axis) => typeof dim === "string" || dim < 0 || dim === dims[axis]));
  if (!fits) {
    throw invalidFeed(
      name,
      `input "${name}" has dims [${dims.join(", ")}]; the model takes [${port.shape.join(", ")}]`,
    );
  }
  const array = elementArrayOf(dtype);
  const isOfType = dtype === "string" ? Array.isArray(data) : !array || data instanceof array;
  if (!isOfType) {
    throw invalidFeed(
      name,
      `input "${name}" of type ${dtype} comes as ${data.constructor.name}; give ${array?.name ?? "an array of strings"}`,
    );
  }
  if (array && data.length !== elementCount(dims)) {
    throw invalidFeed(
      name,
      `input "${name}" of dims [${dims.join(", ")}] has ${data.length} elements; it needs ${elementCount(dims)}`,
    );
  }
}

/** What {@link randomFeeds} needs to know of an input. */
interface InputType {
  readonly name: string;
  readonly dtype: DataType;
  readonly shape: readonly (number | string | undefined)[];
}

/**
 * Feeds filled at random: floats uniform in [-1, 1), integers 0 or 1. Inputs that `inputShapes` does
 * not name must have a fixed shape.
 * @throws RuntimeError `invalid-option` if a shape is not known, `unsupported` for types that no
 * typed array holds.
 */
export function randomFeeds(
  source: Session | Model,
  inputShapes: Readonly<Record<string, readonly number[]>>,
  random: () => number,
): Record<string, RuntimeTensor> {
  const feeds: Record<string, RuntimeTensor> = {};
  for (const input of listInputs(source)) {
    const dims = inputShapes[input.name] ?? fixedDims(input);
    feeds[input.name] = { dtype: input.dtype, dims, data: randomElements(input, dims, random) };
  }
  return feeds;
}

function listInputs(source: Session | Model): readonly InputType[] {
  if (!(source instanceof Model)) return source.inputs;
  return source.graph.inputs.filter((value) => !value.isInitializer).map(inputType);
}

function inputType(value: Value): InputType {
  const { name, type } = value;
  return type?.kind === "tensor"
    ? { name, dtype: type.dtype, shape: type.shape ?? ["?"] }
    : { name, dtype: "undefined", shape: [] };
}

function fixedDims({ name, shape }: InputType): readonly number[] {
  return shape.map((dim) => {
    if (typeof dim === "number" && dim >= 0) return dim;
    throw new RuntimeError(
      "invalid-option",
      `randomFeeds: input "${name}" has the shape [${shape.join(", ")}]; give its dims in inputShapes`,
      { value: name },
    );
  });
}

function randomElements(
  { name, dtype }: InputType,
  dims: readonly number[],
  random: () => number,
): RuntimeTensor["data"] {
  const count = elementCount(dims);
  switch (dtype) {
    case "float32":
      return Float32Array.from({ length: count }, () => random() * 2 - 1);
    case "float64":
      return Float64Array.from({ length: count }, () => random() * 2 - 1);
    case "float16":
      return Uint16Array.from({ length: count }, () => randomFloat16(random));
    case "int64":
      return BigInt64Array.from({ length: count }, () => BigInt(Math.floor(random() * 2)));
    case "uint64":
      return BigUint64Array.from({ length: count }, () => BigInt(Math.floor(random() * 2)));
    case "string":
      return Array.from({ length: count }, () => String(Math.floor(random() * 2)));
    default: {
      const array = elementArrayOf(dtype);
      if (!array || dtype === "bfloat16") {
        throw new RuntimeError(
          "unsupported",
          `randomFeeds: input "${name}" is of type ${dtype}; make its feed yourself`,
          { value: name },
        );
      }
      const data = new array(new ArrayBuffer(count * array.BYTES_PER_ELEMENT), 0, count);
      for (let index = 0; index < count; index++) {
        (data as Int32Array)[index] = Math.floor(random() * 2);
      }
      return data;
    }
  }
}

/** Bits of a float16: a random sign and mantissa, and an exponent that gives 0.25 to 1. */
function randomFloat16(random: () => number): number {
  const bits = Math.floor(random() * 0x1000);
  const sign = bits & 0x800 ? 0x8000 : 0;
  const exponent = bits & 0x400 ? 13 : 14;
  return sign | (exponent << 10) | (bits & 0x3ff);
}

const list = (names: Iterable<string>): string =>
  [...names].map((name) => `"${name}"`).join(", ") || "none";

function invalidFeed(value: string, problem: string): RuntimeError {
  return new RuntimeError("invalid-feed", `run: ${problem}`, { value });
}
