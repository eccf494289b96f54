/**
 * What a pickle can hold here. Integers beyond ±2^53 are bigints; tuples are frozen arrays, lists
 * are not; bytes and bytearrays are both `Uint8Array`. Containers may contain themselves: walk them
 * with care.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PickleValue[]
  | PickleDict
  | PickleSet
  | PickleGlobal
  | PickleObject;

export interface PickleDict extends ReadonlyMap<PickleValue, PickleValue> {}
export interface PickleSet extends ReadonlySet<PickleValue> {}

/** What surrounds a call: where in the file it is, and how to refuse it. */
export interface PickleContext {
  /** Ends the reading with an error that says this and the offset. */
  fail(problem: string): never;
  /**
   * To be called before a call copies bytes: all copies together may not be larger than the file,
   * or a small file could fill the memory.
   */
  allocate(byteCount: number): void;
}

/**
 * A class or function that a pickle may name. Nothing is imported: `call` is our own function for
 * what the pickle would have called.
 */
export interface PickleGlobal {
  readonly pickleType: "global";
  /** Module and name, such as `numpy.dtype`. */
  readonly name: string;
  /** Without it, the global may be named but not called. */
  readonly call?: PickleCall;
}

export type PickleCall = (args: readonly PickleValue[], context: PickleContext) => PickleValue;

/** What a call can return beside plain values. Extend it. */
export interface PickleObject {
  readonly pickleType: string;
  /** Takes what the pickle gives to `__setstate__`. */
  setState?(state: PickleValue, context: PickleContext): void;
}

export function isTuple(value: PickleValue): value is readonly PickleValue[] {
  return Array.isArray(value) && Object.isFrozen(value);
}

export function isList(value: PickleValue): value is PickleValue[] {
  return Array.isArray(value) && !Object.isFrozen(value);
}

export function isDict(value: PickleValue | undefined): value is PickleDict {
  return value instanceof Map;
}

export function isObject(value: PickleValue | undefined): value is PickleObject {
  return typeof value === "object" && value !== null && "pickleType" in value;
}

export function isGlobal(value: PickleValue): value is PickleGlobal {
  return isObject(value) && value.pickleType === "global";
}

/** What a value is, in Python's words, for messages. */
export function describeValue(value: PickleValue | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "None";
  if (typeof value === "boolean") return "a bool";
  if (typeof value === "number" || typeof value === "bigint") return "a number";
  if (typeof value === "string") return "a string";
  if (value instanceof Uint8Array) return "bytes";
  if (value instanceof Map) return "a dict";
  if (value instanceof Set) return "a set";
  if (Array.isArray(value)) return isTuple(value) ? "a tuple" : "a list";
  if (!isObject(value)) return "an object";
  return isGlobal(value) ? value.name : `a ${value.pickleType}`;
}
