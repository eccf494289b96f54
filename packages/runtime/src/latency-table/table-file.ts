import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, RuntimeError } from "../errors.ts";
import type { LatencyTable } from "./latency-table.ts";

/**
 * Reads a latency table.
 * @throws RuntimeError `file-access` if it can not be read, `malformed-file` if it is no latency
 * table of format version 1.
 */
export async function readLatencyTable(path: string): Promise<LatencyTable> {
  const table = await readLatencyTableIfThere(path);
  if (table) return table;
  throw new RuntimeError(
    "file-access",
    `readLatencyTable: there is no file ${path}; check the path`,
  );
}

/** @internal `undefined` if there is no such file. */
export async function readLatencyTableIfThere(path: string): Promise<LatencyTable | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw accessError("readLatencyTable", path, cause);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw malformed(path, `not JSON (${messageOf(cause)})`, cause);
  }
  const problem = findProblem(content);
  if (problem !== undefined) throw malformed(path, problem);
  return content as LatencyTable;
}

/**
 * Writes a latency table, through a temporary file beside it that is renamed: a kill at any moment
 * leaves the old file or the new one. The folder is made if need be.
 * @throws RuntimeError `file-access` if it can not be written.
 */
export async function writeLatencyTable(path: string, table: LatencyTable): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, `${JSON.stringify(table)}\n`);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw accessError("writeLatencyTable", path, cause);
  }
}

function accessError(name: string, path: string, cause: unknown): RuntimeError {
  return new RuntimeError("file-access", `${name}: ${path}: ${messageOf(cause)}`, { cause });
}

function malformed(path: string, problem: string, cause?: unknown): RuntimeError {
  return new RuntimeError(
    "malformed-file",
    `readLatencyTable: ${path} is no latency table: ${problem}; measure it again`,
    cause === undefined ? {} : { cause },
  );
}

type Fields = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): boolean => typeof value === "string";
const isTime = (value: unknown): boolean => typeof value === "number" && value >= 0;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && isTime(value);
const isListOf = (value: unknown, test: (item: unknown) => boolean): value is readonly unknown[] =>
  Array.isArray(value) && value.every(test);
const isAscending = (value: unknown): value is readonly number[] => {
  if (!Array.isArray(value) || !value.every(isCount)) return false;
  return value.every((item, index) => index === 0 || item > (value[index - 1] ?? 0));
};

/** What keeps something read from being a table; `undefined` if nothing does. */
function findProblem(content: unknown): string | undefined {
  if (!isRecord(content)) return "not an object";
  const { formatVersion, machine, inputShapes, channelMultiple, layers, reference } = content;
  if (formatVersion !== 1) return `formatVersion is ${String(formatVersion)}, not 1`;
  if (!isMachine(machine)) return "machine is incomplete";
  if (
    !isRecord(inputShapes) ||
    !Object.values(inputShapes).every((dims) => isListOf(dims, isCount))
  )
    return "inputShapes does not hold lists of dims";
  if (!isCount(channelMultiple) || channelMultiple < 1) return "channelMultiple is not a count";
  if (!isRecord(reference) || !isTime(reference["medianMs"]) || !isTime(reference["layersMs"]))
    return "reference does not hold times";
  if (!isTime(content["repeatability"])) return "repeatability is not a number";
  if (!Array.isArray(layers)) return "layers is not a list";
  const bad = layers.findIndex((layer) => !isLayer(layer));
  return bad < 0 ? undefined : `layers[${bad}] is not a grid of times`;
}

function isMachine(machine: unknown): boolean {
  if (!isRecord(machine)) return false;
  const { cpu, runtime, version, executionProviders, threads } = machine;
  return (
    [cpu, runtime, version].every(isText) &&
    isListOf(executionProviders, isText) &&
    (threads === null || isCount(threads))
  );
}

function isLayer(layer: unknown): boolean {
  if (!isRecord(layer)) return false;
  const { signature, inputs, outputs, times } = layer;
  if (!isText(signature) || !isAscending(inputs) || !isAscending(outputs)) return false;
  const columns = Math.max(1, outputs.length);
  const isRow = (row: unknown): boolean => isListOf(row, isTime) && row.length === columns;
  return inputs.length > 0 && isListOf(times, isRow) && times.length === inputs.length;
}
