import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { GraphError } from "../../src/index.ts";
import { PLAIN, Wire, type WireField } from "../codec/wire.ts";

/** A new folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ocrslim-graph-"));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** The code that a GraphError is thrown with; other errors are passed on. */
export async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof GraphError) return error.code;
    throw error;
  }
  return "none";
}

/** One tensor of a model with external data. */
export interface ExternalTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly location: string;
  readonly offset?: string;
  readonly length?: string;
}

/** An ONNX file of float32 initializers that lie elsewhere, and a node that reads each. */
export function externalModel(tensors: readonly ExternalTensor[]): Uint8Array {
  const w = new Wire(PLAIN);
  const entry = (key: string, value: string | undefined): WireField[] =>
    value === undefined ? [] : [w.message(13, [...w.text(1, key), ...w.text(2, value)])];
  return w.encode([
    ...w.int(1, 8),
    w.message(7, [
      ...tensors.map(({ name }) =>
        w.message(1, [w.item(1, name), w.item(2, `${name}_out`), ...w.text(4, "Identity")]),
      ),
      ...w.text(2, "external"),
      ...tensors.map(({ name, dims, location, offset, length }) =>
        w.message(5, [
          ...w.ints(1, dims.map(BigInt), "packed"),
          ...w.int(2, 1),
          ...w.text(8, name),
          ...entry("location", location),
          ...entry("offset", offset),
          ...entry("length", length),
          ...w.int(14, 1),
        ]),
      ),
      ...tensors.map(({ name }) => w.message(12, [...w.text(1, `${name}_out`)])),
    ]),
    w.message(8, [...w.int(2, 17)]),
  ]);
}
