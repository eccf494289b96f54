import type { Model } from "@ocrslim/graph";
import { createPickleWriter } from "@ocrslim/pickle";
import { writeFileSafely } from "../images/write-file.ts";
import { listParameters } from "./parameters.ts";
import { NAME_TABLE } from "./read-pdparams.ts";
import { mismatchedWeights } from "./weights-error.ts";
import { isWritable, writeArray } from "./write-array.ts";

/**
 * Writes the parameters of a detector as a `.pdparams` file that `paddle.load` reads: a pickle of
 * NumPy arrays by PaddleOCR's names. A pruned model is written with its own widths. An inference
 * graph has no threshold head, so its file has none either.
 *
 * @throws OcrDetError `unsupported-model` if the model has no parameters with PaddleOCR's names (as
 * after `simplify`, which folds them), `write-failed`.
 */
export async function writePdparams(model: Model, path: string): Promise<void> {
  await writeFileSafely(path, encodePdparams(model), "writePdparams");
}

/** The bytes of the file that {@link writePdparams} writes. */
export function encodePdparams(model: Model): Uint8Array {
  const tensors = [...listParameters(model)].flatMap(([name, { tensor }]) =>
    tensor ? [{ name, tensor }] : [],
  );
  if (tensors.length === 0) {
    throw mismatchedWeights(
      "writePdparams: the model has no parameter with a name of PaddleOCR's; give one that buildDbDetector built, before it is simplified",
    );
  }
  const writer = createPickleWriter();
  writer.dict(() => {
    for (const { name, tensor } of tensors) {
      if (!isWritable(tensor)) {
        throw mismatchedWeights(
          `writePdparams: "${name}" is ${tensor.dtype}; parameters of float16, float32 and float64 can be written`,
        );
      }
      writer.text(name);
      writeArray(writer, tensor);
    }
    // Paddle makes tensors of what stands in this table, and leaves other arrays alone.
    writer.text(NAME_TABLE);
    writer.dict(() => {
      for (const { name } of tensors) {
        writer.text(name);
        writer.text(name);
      }
    });
  });
  return writer.finish();
}
