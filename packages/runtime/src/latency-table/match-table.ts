import { RuntimeError } from "../errors.ts";
import type { LatencyTable, TableMachine } from "./latency-table.ts";
import type { TimedLayer } from "./timed-layer.ts";

/** @internal Where a table would have to be from. */
export interface TableOrigin {
  readonly machine: TableMachine;
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
}

const NAMES: Readonly<Record<keyof TableMachine, string>> = {
  cpu: "CPU",
  runtime: "runtime",
  version: "runtime version",
  executionProviders: "execution providers",
  threads: "threads",
};

/** @internal What differs, in words. */
export function listDifferences(table: LatencyTable, wanted: TableOrigin): readonly string[] {
  const show = (value: unknown): string =>
    value === null ? "the runtime's own" : Array.isArray(value) ? value.join("/") : String(value);
  const keys = Object.keys(NAMES) as (keyof TableMachine)[];
  const differences = keys.flatMap((key) => {
    const [theirs, ours] = [show(table.machine[key]), show(wanted.machine[key])];
    return theirs === ours ? [] : [`${NAMES[key]}: ${theirs} there, ${ours} here`];
  });
  const [theirs, ours] = [formatShapes(table.inputShapes), formatShapes(wanted.inputShapes)];
  return theirs === ours ? differences : [...differences, `inputs: ${theirs} there, ${ours} here`];
}

/** @internal @throws RuntimeError `table-mismatch` if a table was measured under other conditions. */
export function assertSameOrigin(table: LatencyTable, wanted: TableOrigin, path: string): void {
  const differences = listDifferences(table, wanted);
  if (differences.length === 0) return;
  throw new RuntimeError(
    "table-mismatch",
    `openLatencyTable: ${path} was measured under other conditions (${differences.join("; ")}); measure it again with remeasure: true (--remeasure)`,
  );
}

/** @internal Layers whose times at their full widths a table does not have. */
export function listUncovered(
  table: LatencyTable,
  layers: readonly TimedLayer[],
): readonly TimedLayer[] {
  const known = new Map(table.layers.map((layer) => [layer.signature, layer]));
  return layers.filter(({ signature, input, output }) => {
    const entry = known.get(signature);
    if (!entry) return true;
    const inputs = input.reduce((sum, { size }) => sum + size, 0);
    const widest = entry.outputs.at(-1);
    return inputs > (entry.inputs.at(-1) ?? 0) || (widest !== undefined && output.size > widest);
  });
}

const formatShapes = (shapes: Readonly<Record<string, readonly number[]>>): string =>
  Object.keys(shapes)
    .sort()
    .map((name) => `${name} [${(shapes[name] ?? []).join(", ")}]`)
    .join(", ");
