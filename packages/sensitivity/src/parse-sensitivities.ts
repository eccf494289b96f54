import { SensitivityError } from "./errors.ts";
import type {
  FailedPoint,
  SensitivityCurve,
  SensitivityPoint,
  SensitivityReport,
} from "./report.ts";

/**
 * Reads a report from the text of a sensitivity file. Fields that are not known are dropped.
 * @throws SensitivityError `malformed-file` naming the field and its value.
 */
export function parseSensitivities(text: string, file = "the text"): SensitivityReport {
  const fail = (what: string): SensitivityError =>
    new SensitivityError("malformed-file", `readSensitivities: ${file}: ${what}`, { file });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw fail(
      text.trimStart().startsWith("{")
        ? `this is JSON that breaks off or is damaged within its ${text.length} characters; take a whole copy of the file`
        : "this is no JSON; a sensitivity file is what analyzeSensitivity writes",
    );
  }
  const read = reader(json, "", fail);
  const version = read.number("formatVersion");
  if (version !== 1) {
    const remedy = version > 1 ? "a newer one wrote it, update" : "measure again";
    throw fail(`formatVersion is ${version}; this version reads 1: ${remedy}`);
  }
  const relativeTo = read.text("relativeTo");
  if (relativeTo !== "baseline" && relativeTo !== "baseline+0.001") {
    throw fail(`relativeTo is ${JSON.stringify(relativeTo)}; it is "baseline" or "baseline+0.001"`);
  }
  const shapes = read.child("inputShapes");
  return {
    formatVersion: 1,
    ...(read.has("metric") ? { metric: read.text("metric") } : {}),
    baseline: read.number("baseline"),
    images: read.number("images"),
    modelHash: read.text("modelHash"),
    criterion: read.text("criterion"),
    ...(read.has("dataFingerprint") ? { dataFingerprint: read.text("dataFingerprint") } : {}),
    inputShapes: Object.fromEntries(
      shapes.keys().map((name) => [name, shapes.list(name).map((dim) => dim.asNumber())]),
    ),
    relativeTo,
    channelMultiple: read.number("channelMultiple"),
    curves: read.list("curves").map((curve) => parseCurve(curve, fail)),
    skipped: read.list("skipped").map((entry) => ({
      group: entry.text("group"),
      reason: entry.text("reason"),
    })),
    ...(read.has("failed") ? { failed: read.list("failed").map(parseFailed) } : {}),
  };
}

function parseFailed(read: Reader): FailedPoint {
  return {
    group: read.text("group"),
    ratio: read.number("ratio"),
    removed: read.number("removed"),
    reason: read.text("reason"),
  };
}

function parseCurve(read: Reader, fail: Fail): SensitivityCurve {
  const group = read.text("group");
  const points = read.list("points").map(
    (point): SensitivityPoint => ({
      ratio: point.number("ratio"),
      loss: point.number("loss"),
      metric: point.number("metric"),
      images: point.number("images"),
      removed: point.number("removed"),
      ...(point.has("interval") ? { interval: parseInterval(point) } : {}),
      ...(point.has("isDecidedEarly") ? { isDecidedEarly: point.flag("isDecidedEarly") } : {}),
    }),
  );
  points.forEach(({ ratio }, index) => {
    const before = points[index - 1]?.ratio ?? 0;
    if (!(ratio > before && ratio <= 1)) {
      throw fail(`the ratios of group "${group}" do not ascend within 0–1 at ${ratio}`);
    }
  });
  return { group, width: read.number("width"), points };
}

function parseInterval(point: Reader): readonly [number, number] {
  const [low, high, ...rest] = point.list("interval");
  const lowest = low?.asNumber() ?? Number.NaN;
  const highest = high?.asNumber() ?? Number.NaN;
  if (lowest <= highest && rest.length === 0) return [lowest, highest];
  throw point.refuse("interval", "two ascending numbers");
}

type Fail = (what: string) => SensitivityError;

interface Reader {
  has(key: string): boolean;
  keys(): readonly string[];
  number(key: string): number;
  text(key: string): string;
  flag(key: string): boolean;
  child(key: string): Reader;
  list(key: string): readonly Reader[];
  asNumber(): number;
  /** The error for a field that is not what was expected. */
  refuse(key: string, expected: string): SensitivityError;
}

/** Typed access to parsed JSON; every failure names the path within the file. */
function reader(json: unknown, path: string, fail: Fail): Reader {
  const expected = (what: string, at: string, value: unknown): SensitivityError =>
    fail(`${at || "the document"} is ${JSON.stringify(value)?.slice(0, 60)}; expected ${what}`);
  const at = (key: string): string => (path ? `${path}.${key}` : key);
  const field = (key: string): unknown => {
    if (!isRecord(json)) throw expected("an object", path, json);
    return Object.hasOwn(json, key) ? json[key] : undefined;
  };
  return {
    has: (key) => field(key) !== undefined,
    keys: () => {
      if (!isRecord(json)) throw expected("an object", path, json);
      return Object.keys(json);
    },
    number(key) {
      const value = field(key);
      if (typeof value !== "number") throw expected("a number", at(key), value);
      return value;
    },
    text(key) {
      const value = field(key);
      if (typeof value !== "string") throw expected("a string", at(key), value);
      return value;
    },
    flag(key) {
      const value = field(key);
      if (typeof value !== "boolean") throw expected("true or false", at(key), value);
      return value;
    },
    child: (key) => reader(field(key), at(key), fail),
    list(key) {
      const value = field(key);
      if (!Array.isArray(value)) throw expected("an array", at(key), value);
      return value.map((item: unknown, index) => reader(item, `${at(key)}[${index}]`, fail));
    },
    asNumber() {
      if (typeof json !== "number") throw expected("a number", path, json);
      return json;
    },
    refuse: (key, what) => expected(what, at(key), field(key)),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
