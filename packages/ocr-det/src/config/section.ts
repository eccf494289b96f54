import { OcrDetError } from "../errors.ts";

/** What a number may be. */
export interface NumberRange {
  readonly atLeast?: number;
  readonly moreThan?: number;
  readonly atMost?: number;
  readonly lessThan?: number;
  readonly integer?: boolean;
  readonly multipleOf?: number;
}

/** What is gathered over a whole config. */
export interface Findings {
  /** Paths of keys that nothing here knows. */
  readonly unknown: string[];
  /** What is known and done in another way here. */
  readonly notes: string[];
}

/** A mapping in a config that remembers which of its keys were asked for. */
export interface Section {
  /** Where it stands, such as `Train.dataset`. */
  readonly path: string;
  /** The value; `undefined` if it is absent or null. */
  raw(key: string): unknown;
  number(key: string, range?: NumberRange): number | undefined;
  /** Numbers of a list; one number counts as a list of one. */
  numbers(key: string, range?: NumberRange): readonly number[] | undefined;
  flag(key: string): boolean | undefined;
  text(key: string): string | undefined;
  /** Texts of a list; one text counts as a list of one. */
  texts(key: string): readonly string[] | undefined;
  oneOf<const T extends string | number>(key: string, choices: readonly T[]): T | undefined;
  /** A mapping; an empty one if it is absent. */
  section(key: string): Section;
  /** Keys that are known and have no effect here. */
  skip(...keys: readonly string[]): void;
  /** Throws: the value of a key cannot be used. */
  fail(key: string, remedy: string): never;
  /** Names the keys that nobody asked for. */
  finish(): void;
}

/** Parsed numbers may stand as texts: `1e-3` is one in YAML 1.1, `1./255.` an expression. */
function toNumber(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const [numerator = "", denominator = "1", ...rest] = value.split("/").map((part) => part.trim());
  if (rest.length > 0 || numerator === "" || denominator === "") return value;
  const number = Number(numerator) / Number(denominator);
  return Number.isNaN(number) ? value : number;
}

function isWithin(value: unknown, range: NumberRange): value is number {
  const { atLeast, moreThan, atMost, lessThan, integer, multipleOf } = range;
  return (
    typeof value === "number" &&
    Number.isFinite(value) &&
    (atLeast === undefined || value >= atLeast) &&
    (moreThan === undefined || value > moreThan) &&
    (atMost === undefined || value <= atMost) &&
    (lessThan === undefined || value < lessThan) &&
    (!integer || Number.isSafeInteger(value)) &&
    (multipleOf === undefined || value % multipleOf === 0)
  );
}

function describeRange(range: NumberRange): string {
  const { atLeast, moreThan, atMost, lessThan, integer, multipleOf } = range;
  const limits = [
    atLeast === undefined ? "" : `of ${atLeast} or more`,
    moreThan === undefined ? "" : `above ${moreThan}`,
    atMost === undefined ? "" : `up to ${atMost}`,
    lessThan === undefined ? "" : `below ${lessThan}`,
  ].filter((text) => text !== "");
  const what =
    multipleOf === undefined
      ? integer
        ? "a whole number"
        : "a number"
      : `a multiple of ${multipleOf}`;
  return [what, ...limits].join(" ");
}

/** Whether a parsed value is a mapping. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands at a path cannot be used. */
export function configError(path: string, value: unknown, remedy: string): OcrDetError {
  const shown = value === undefined ? "missing" : (JSON.stringify(value) ?? String(value));
  const short = shown.length > 120 ? `${shown.slice(0, 120)}…` : shown;
  return new OcrDetError(
    "invalid-option",
    `readPaddleDetectionConfig: ${path} is ${short}; ${remedy}`,
  );
}

/**
 * Wraps a mapping; `null` and `undefined` are empty ones.
 *
 * @throws OcrDetError `invalid-option` if it is something else.
 */
export function createSection(value: unknown, path: string, findings: Findings): Section {
  if (value !== null && value !== undefined && !isMapping(value)) {
    throw configError(path || "the config", value, "give a mapping of keys and values");
  }
  const tree: Readonly<Record<string, unknown>> = value ?? {};
  const asked = new Set<string>();
  const pathOf = (key: string): string => (path === "" ? key : `${path}.${key}`);
  const raw = (key: string): unknown => {
    asked.add(key);
    return (Object.hasOwn(tree, key) ? tree[key] : undefined) ?? undefined;
  };
  const fail = (key: string, remedy: string): never => {
    throw configError(pathOf(key), raw(key), remedy);
  };
  const read = <T>(
    key: string,
    convert: (given: unknown) => T | undefined,
    what: string,
  ): T | undefined => {
    const given = raw(key);
    if (given === undefined) return undefined;
    return convert(given) ?? fail(key, `give ${what}`);
  };
  const asList = (given: unknown): readonly unknown[] => (Array.isArray(given) ? given : [given]);
  return {
    path,
    raw,
    fail,
    number: (key, range = {}) =>
      read(
        key,
        (given) => {
          const number = toNumber(given);
          return isWithin(number, range) ? number : undefined;
        },
        describeRange(range),
      ),
    numbers: (key, range = {}) =>
      read(
        key,
        (given) => {
          const numbers = asList(given).map(toNumber);
          return numbers.every((number) => isWithin(number, range)) ? numbers : undefined;
        },
        `a list; each item ${describeRange(range)}`,
      ),
    flag: (key) =>
      read(key, (given) => (typeof given === "boolean" ? given : undefined), "true or false"),
    text: (key) =>
      read(key, (given) => (typeof given === "string" && given ? given : undefined), "a text"),
    texts: (key) =>
      read(
        key,
        (given) => {
          const texts = asList(given);
          const isText = (text: unknown): text is string => typeof text === "string" && text !== "";
          return texts.length > 0 && texts.every(isText) ? texts : undefined;
        },
        "a text or a list of texts",
      ),
    oneOf: (key, choices) =>
      read(
        key,
        (given) => choices.find((choice) => choice === given),
        choices.length === 1 ? `${choices[0]}` : `one of ${choices.join(", ")}`,
      ),
    section: (key) => createSection(raw(key), pathOf(key), findings),
    skip: (...keys) => {
      for (const key of keys) asked.add(key);
    },
    finish: () => {
      for (const key of Object.keys(tree)) if (!asked.has(key)) findings.unknown.push(pathOf(key));
    },
  };
}
