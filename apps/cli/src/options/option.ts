import { z } from "zod";

/** One option of a command. */
export interface OptionSpec<T> {
  /** As commander has it: `--macs <fraction>`. The key in the specs is its camel-case name. */
  readonly flags: string;
  /** States range, unit and default. */
  readonly description: string;
  /** Checks and converts the raw value: a string, an array of strings, true, or what YAML has. */
  readonly schema: z.ZodType<T>;
  /** Whether it may be given several times; the raw value is then an array. */
  readonly repeated?: boolean;
}

/** A spec for each option of `T`. */
export type OptionSpecs<T extends object> = { readonly [K in keyof T]-?: OptionSpec<T[K]> };

/** Leaves a text as it is where it is not a number, so that the schema can name it. */
function toNumber(value: unknown): unknown {
  if (typeof value !== "string") return value;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value.trim()) ? Number(value) : value;
}

/** Makes a list of `1,2,3`, of one value, or of several such. */
function toList(value: unknown): unknown {
  const values = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return values.flatMap((item) =>
    typeof item === "string" ? item.split(",").map((part) => part.trim()) : [item],
  );
}

/** A number in [minimum, maximum]. */
export function numberIn(minimum: number, maximum: number): z.ZodType<number> {
  const message = `it must be a number from ${minimum} to ${maximum}`;
  return z.preprocess(toNumber, z.number(message).min(minimum, message).max(maximum, message));
}

/** A number above 0 and below or at 1. */
export function fraction(): z.ZodType<number> {
  const message = "it must be a fraction above 0, at most 1";
  return z.preprocess(toNumber, z.number(message).gt(0, message).max(1, message));
}

/** A whole number in [minimum, maximum]. */
export function integerIn(minimum: number, maximum: number): z.ZodType<number> {
  const range =
    maximum >= Number.MAX_SAFE_INTEGER ? `${minimum} or more` : `${minimum} to ${maximum}`;
  const message = `it must be a whole number, ${range}`;
  return z.preprocess(toNumber, z.int(message).min(minimum, message).max(maximum, message));
}

/** One of the names. */
export function oneOf<const T extends string>(names: readonly T[]): z.ZodType<T> {
  return z.enum(names, `it must be one of ${names.join(", ")}`);
}

/** A list of numbers, from `0.1,0.3`. */
export function numberList(item: z.ZodType<number>): z.ZodType<readonly number[]> {
  return z.preprocess(toList, z.array(item).min(1, "it must hold at least one number"));
}

/** Height and width, from `736,1280`. */
export function heightAndWidth(): z.ZodType<readonly [number, number]> {
  const message = "it must be height,width in pixels, such as 736,1280";
  const side = z.preprocess(toNumber, z.int(message).min(32, message).max(8192, message));
  return z.preprocess(toList, z.tuple([side, side], message));
}

/** True if the flag is given, or the boolean that YAML has. */
export function flag(): z.ZodType<boolean> {
  const message = "it must be true or false";
  const read = (value: unknown): unknown =>
    value === undefined ? false : value === "true" ? true : value === "false" ? false : value;
  return z.preprocess(read, z.boolean(message));
}

/** A text that is not empty. */
export function text(): z.ZodType<string> {
  return z.string("it must be a text").min(1, "it must not be empty");
}

/** A list of texts, at least `minimum`. */
export function textList(minimum: number): z.ZodType<readonly string[]> {
  const message = `it must be given at least ${minimum === 1 ? "once" : `${minimum} times`}`;
  const read = (value: unknown): unknown =>
    value === undefined && minimum > 0
      ? undefined
      : Array.isArray(value)
        ? value
        : value === undefined
          ? []
          : [value];
  return z.preprocess(read, z.array(text()).min(minimum, message));
}

/** The schema, or `fallback` where the option is not given. */
export function withDefault<T>(schema: z.ZodType<T>, fallback: T): z.ZodType<T> {
  return z.unknown().transform((value, context) => parseOr(schema, value, context, fallback));
}

/** The schema, or `undefined` where the option is not given. */
export function optional<T>(schema: z.ZodType<T>): z.ZodType<T | undefined> {
  return z
    .unknown()
    .transform((value, context) => parseOr<T | undefined>(schema, value, context, undefined));
}

function parseOr<T>(
  schema: z.ZodType<T>,
  value: unknown,
  context: z.RefinementCtx,
  fallback: T,
): T {
  if (value === undefined || value === null) return fallback;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  context.addIssue({
    code: "custom",
    message: result.error.issues[0]?.message ?? "it is not valid",
  });
  return z.NEVER;
}
