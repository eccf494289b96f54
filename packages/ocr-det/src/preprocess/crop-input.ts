import type { RuntimeTensor } from "@ocrslim/runtime";
import { OcrDetError } from "../errors.ts";

/**
 * Returns a part of an image input: `[1, 3, H, W]` float32 becomes `[1, 3, height, width]`, a copy,
 * from row `top` and column `left` on.
 *
 * @throws OcrDetError `invalid-option` if the input is of another kind or the part does not lie
 * within it.
 */
export function cropInput(
  input: RuntimeTensor,
  top: number,
  left: number,
  height: number,
  width: number,
): RuntimeTensor {
  const [, , inputHeight = 0, inputWidth = 0] = input.dims;
  const data = readPlanes(input);
  if (!isWithin(top, height, inputHeight) || !isWithin(left, width, inputWidth)) {
    throw new OcrDetError(
      "invalid-option",
      `cropInput: ${height} × ${width} from row ${top}, column ${left} of an input of ${inputHeight} × ${inputWidth}; give integers that lie within it`,
    );
  }
  const plane = inputHeight * inputWidth;
  const result = new Float32Array(3 * height * width);
  let to = 0;
  for (let channel = 0; channel < 3; channel += 1) {
    for (let row = top; row < top + height; row += 1, to += width) {
      const from = channel * plane + row * inputWidth + left;
      result.set(data.subarray(from, from + width), to);
    }
  }
  return { dtype: "float32", dims: [1, 3, height, width], data: result };
}

function readPlanes({ dtype, dims, data }: RuntimeTensor): Float32Array {
  const [images, channels, height = 0, width = 0] = dims;
  if (
    dims.length !== 4 ||
    images !== 1 ||
    channels !== 3 ||
    !(data instanceof Float32Array) ||
    data.length !== 3 * height * width
  ) {
    throw new OcrDetError(
      "invalid-option",
      `cropInput: the input is ${dtype} [${dims.join(", ")}] with ${data.length} values; give float32 [1, 3, H, W]`,
    );
  }
  return data;
}

const isWithin = (start: number, length: number, whole: number): boolean =>
  Number.isInteger(start) &&
  Number.isInteger(length) &&
  start >= 0 &&
  length >= 1 &&
  start + length <= whole;
