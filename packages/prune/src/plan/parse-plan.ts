import type { PlannedGroup, PruningPlan, SkippedGroup } from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import { readPlanLatencies } from "./plan-latency.ts";

/**
 * Checks that `json` is a plan, and returns a copy of it.
 * @throws PruneError `invalid-plan`, naming the group and the value that is wrong.
 * @category I/O
 */
export function parsePlan(json: unknown): PruningPlan {
  const plan = asRecord(json, "the plan");
  if (plan["formatVersion"] !== 1) {
    throw invalid(`formatVersion is ${show(plan["formatVersion"])}, this version reads 1`);
  }
  const inputShapes = Object.fromEntries(
    Object.entries(asRecord(plan["inputShapes"], "inputShapes")).map(([name, shape]) => [
      name,
      asIntegers(shape, 0, Number.MAX_SAFE_INTEGER, `inputShapes["${name}"]`),
    ]),
  );
  const groups = asArray(plan["groups"], "groups").map(parseGroup);
  const ids = new Set<string>();
  for (const { id } of groups) {
    if (ids.has(id)) throw invalid(`group "${id}" stands twice in groups`, id);
    ids.add(id);
  }
  const provenance = { ...asRecord(plan["provenance"] ?? {}, "provenance") };
  readPlanLatencies({ provenance });
  return {
    formatVersion: 1,
    inputShapes,
    groups,
    skipped: asArray(plan["skipped"] ?? [], "skipped").map(parseSkipped),
    provenance,
  };
}

function parseGroup(json: unknown, index: number): PlannedGroup {
  const group = asRecord(json, `groups[${index}]`);
  const id = asString(group["id"], `groups[${index}].id`);
  const width = group["width"];
  if (!Number.isSafeInteger(width) || (width as number) < 1) {
    throw invalid(`group "${id}": width is ${show(width)}, not an integer of 1 or more`, id);
  }
  const last = (width as number) - 1;
  const keep = asIntegers(group["keep"], 0, last, `group "${id}": keep`, id);
  if (keep.length === 0) throw invalid(`group "${id}": keep is empty, one channel must stay`, id);
  keep.forEach((channel, at) => {
    const before = keep[at - 1] ?? -1;
    if (channel <= before) {
      throw invalid(`group "${id}": keep has ${channel} after ${before}, it must ascend`, id);
    }
  });
  return { id, width: width as number, keep };
}

function parseSkipped(json: unknown, index: number): SkippedGroup {
  const entry = asRecord(json, `skipped[${index}]`);
  return {
    group: asString(entry["group"], `skipped[${index}].group`),
    reason: asString(entry["reason"], `skipped[${index}].reason`),
  };
}

function asRecord(json: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) {
    return json as Record<string, unknown>;
  }
  throw invalid(`${what} is ${show(json)}, not an object`);
}

function asArray(json: unknown, what: string, group?: string): readonly unknown[] {
  if (Array.isArray(json)) return json;
  throw invalid(`${what} is ${show(json)}, not an array`, group);
}

function asString(json: unknown, what: string): string {
  if (typeof json === "string" && json !== "") return json;
  throw invalid(`${what} is ${show(json)}, not a text`);
}

function asIntegers(
  json: unknown,
  low: number,
  high: number,
  what: string,
  group?: string,
): readonly number[] {
  return asArray(json, what, group).map((item, index) => {
    if (Number.isSafeInteger(item) && (item as number) >= low && (item as number) <= high) {
      return item as number;
    }
    throw invalid(
      `${what}[${index}] is ${show(item)}, not an integer from ${low} to ${high}`,
      group,
    );
  });
}

function invalid(problem: string, group?: string): PruneError {
  return new PruneError(
    "invalid-plan",
    `parsePlan: ${problem}; correct the plan or make it anew`,
    group === undefined ? {} : { group },
  );
}

/** A short text for messages. */
function show(json: unknown): string {
  const text = json === undefined ? "missing" : (JSON.stringify(json) ?? String(json));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
