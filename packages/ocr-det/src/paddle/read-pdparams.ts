import { readFile } from "node:fs/promises";
import { Tensor } from "@ocrslim/graph";
import {
  describeValue,
  isArray,
  isDict,
  isList,
  isTuple,
  NUMPY_GLOBALS,
  PickleError,
  type PickleValue,
  readPickle,
} from "@ocrslim/pickle";
import { OcrDetError } from "../errors.ts";
import { invalidWeights } from "./weights-error.ts";

/** Tensors by the names of a Paddle state dict, in its order. */
export type PaddleWeights = ReadonlyMap<string, Tensor>;

/** Where Paddle keeps the other names of the parameters. */
export const NAME_TABLE = "StructuredToParameterName@@";
/** Where Paddle says which arrays it cut into pieces. */
const PIECES = "UnpackBigParamInfor@@";

/**
 * Reads a `.pdparams` file (or its bytes): a pickle of arrays. Nothing in it is executed; what names
 * anything but NumPy arrays and plain containers is refused.
 *
 * @throws OcrDetError `file-not-found`, `empty-file`, `unsupported-model`: a pickle that is broken,
 * truncated or names something else (the message has the name and the offset), or holds other
 * things than arrays.
 */
export async function readPdparams(source: string | Uint8Array): Promise<PaddleWeights> {
  const file = typeof source === "string" ? source : undefined;
  const bytes = typeof source === "string" ? await readBytes(source) : source;
  const where = file ?? "the data";
  if (bytes.length === 0) {
    throw new OcrDetError("empty-file", `readPdparams: ${where} is empty`, file ? { file } : {});
  }
  const fail: Fail = (problem, cause) => {
    throw invalidWeights(`readPdparams: ${where} ${problem}`, {
      ...(file ? { file } : {}),
      ...(cause ? { cause } : {}),
    });
  };
  let content: PickleValue;
  try {
    content = readPickle(bytes, { globals: NUMPY_GLOBALS });
  } catch (cause) {
    if (!(cause instanceof PickleError)) throw cause;
    return fail(`cannot be read as a .pdparams file (${cause.message})`, cause);
  }
  if (!isDict(content)) {
    return fail(`holds ${describeValue(content)}, not a dict of arrays; give a .pdparams file`);
  }
  const tensors = new Map<string, Tensor>();
  for (const [key, value] of content) {
    if (key === NAME_TABLE || key === PIECES) continue;
    if (typeof key !== "string") return fail(`has a key that is ${describeValue(key)}, not a name`);
    // Without a table of names, Paddle writes a tensor as (parameter name, array).
    const array = isTuple(value) && value.length === 2 ? value[1] : value;
    if (!isArray(array) || !array.tensor) {
      return fail(
        `has ${describeValue(value)} as "${key}", not an array; give the .pdparams of a model, not a .pdopt or a whole checkpoint`,
      );
    }
    tensors.set(key, array.tensor);
  }
  const pieces = content.get(PIECES);
  if (!isDict(pieces)) return tensors;
  let joined = 0;
  for (const [name, description] of pieces) {
    if (typeof name !== "string") return fail("has pieces of an array without a name");
    const { dims, parts } = listPieces(tensors, name, description, fail);
    joined += parts.reduce((sum, part) => sum + part.byteLength, 0);
    if (joined > bytes.length) return fail("uses pieces of arrays several times");
    tensors.set(name, joinPieces(name, dims, parts, fail));
  }
  return tensors;
}

type Fail = (problem: string, cause?: unknown) => never;

/** Takes the pieces of an array that Paddle cut, because protocol 2 ends at 4 GB. */
function listPieces(
  tensors: Map<string, Tensor>,
  name: string,
  description: PickleValue,
  fail: Fail,
): { readonly dims: readonly number[]; readonly parts: readonly Tensor[] } {
  const slices = isDict(description) ? description.get("slices") : undefined;
  const shape = isDict(description) ? description.get("OriginShape") : undefined;
  if (!slices || !isList(slices) || !shape || !isTuple(shape)) {
    return fail(`does not say how "${name}" was cut into pieces`);
  }
  const parts = slices.map((slice) => {
    const part = typeof slice === "string" ? tensors.get(slice) : undefined;
    if (!part || typeof slice !== "string") return fail(`lacks a piece of "${name}"`);
    tensors.delete(slice);
    return part;
  });
  return { dims: shape.map((dim) => (typeof dim === "number" ? dim : -1)), parts };
}

function joinPieces(
  name: string,
  dims: readonly number[],
  parts: readonly Tensor[],
  fail: Fail,
): Tensor {
  const [first] = parts;
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const isWhole = dims.reduce((product, dim) => product * dim, 1) === size;
  const areAlike = parts.every(({ dtype }) => dtype === first?.dtype);
  if (!first || !isWhole || !areAlike || dims.some((dim) => !(dim >= 0))) {
    return fail(`has pieces of "${name}" that do not make up its shape [${dims}]`);
  }
  return Tensor.from(first.dtype, dims, Buffer.concat(parts.map((part) => part.bytes)));
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new OcrDetError(
      "file-not-found",
      `readPdparams: ${path} cannot be read (${(cause as Error).message}); give a .pdparams file`,
      { file: path, cause },
    );
  }
}
