import type { Tensor } from "@ocrslim/graph";
import type { PickleWriter } from "@ocrslim/pickle";

/** NumPy's codes of the types that parameters can have. */
const CODES: Readonly<Record<string, string>> = { float16: "f2", float32: "f4", float64: "f8" };

/** Whether {@link writeArray} knows the tensor's type. */
export function isWritable({ dtype }: Tensor): boolean {
  return Object.hasOwn(CODES, dtype);
}

/** Writes a tensor as `numpy.ndarray.__reduce__` does, with the names that NumPy 1 and 2 read. */
export function writeArray(writer: PickleWriter, { dtype, dims, bytes }: Tensor): void {
  writer.global("numpy.core.multiarray", "_reconstruct");
  writer.tuple(() => {
    writer.global("numpy", "ndarray");
    writer.tuple(() => writer.integer(0));
    writer.bytes(Uint8Array.of(0x62));
  });
  writer.reduce();
  writer.tuple(() => {
    writer.integer(1);
    writer.tuple(() => {
      for (const dim of dims) writer.integer(dim);
    });
    writer.global("numpy", "dtype");
    writer.tuple(() => {
      writer.text(CODES[dtype] ?? "");
      writer.boolean(false);
      writer.boolean(true);
    });
    writer.reduce();
    writer.tuple(() => {
      writer.integer(3);
      writer.text("<");
      for (let count = 0; count < 3; count++) writer.none();
      for (const flag of [-1, -1, 0]) writer.integer(flag);
    });
    writer.build();
    writer.boolean(false);
    writer.bytes(bytes);
  });
  writer.build();
}
