import { arrayFromBuffer, fromLatin1, readScalar, reconstructArray } from "./numpy-array.ts";
import { createDtype } from "./numpy-dtype.ts";
import {
  describeValue,
  isList,
  isTuple,
  type PickleCall,
  type PickleGlobal,
  type PickleValue,
} from "./pickle-value.ts";

/** `_codecs.encode(text, "latin1")`: how protocol 2 writes bytes. */
const encode: PickleCall = ([text, codec], context) =>
  typeof text === "string" && (codec === "latin1" || codec === "latin-1")
    ? fromLatin1(text, context)
    : context.fail("only a string can be encoded here, as latin1");

/** `bytes()`: how protocol 2 writes no bytes. */
const emptyBytes: PickleCall = (args, context) =>
  args.length === 0 ? new Uint8Array(0) : context.fail("bytes() takes no arguments here");

/** `tuple(items)`: Paddle writes a tensor as `(name, array)` this way. */
const makeTuple: PickleCall = ([items = []], context) => {
  if (!isTuple(items) && !isList(items)) {
    return context.fail(`a tuple cannot be made of ${describeValue(items)}`);
  }
  context.allocate(items.length);
  return Object.freeze([...items]);
};

/** `collections.OrderedDict()`; Python 2 gives it its items as a list of pairs. */
const makeOrderedDict: PickleCall = ([items = []], context) => {
  if (!isTuple(items) && !isList(items)) {
    return context.fail(`a dict cannot be made of ${describeValue(items)}`);
  }
  context.allocate(items.length);
  const pairs = items.map((pair): [PickleValue, PickleValue] => {
    const [key, value] = isTuple(pair) || isList(pair) ? pair : [];
    return key === undefined || value === undefined
      ? context.fail("a dict is made of something else than pairs")
      : [key, value];
  });
  return new Map(pairs);
};

const inBuiltins = (module: string): readonly [string, PickleCall][] => [
  [`${module}.tuple`, makeTuple],
  [`${module}.bytes`, emptyBytes],
];
const inNumpy = (core: string): readonly [string, PickleCall][] => [
  [`${core}.multiarray._reconstruct`, reconstructArray],
  [`${core}.multiarray.scalar`, readScalar],
  [`${core}.numeric._frombuffer`, arrayFromBuffer],
];
const CALLS: readonly (readonly [string, PickleCall])[] = [
  ["collections.OrderedDict", makeOrderedDict],
  ["_codecs.encode", encode],
  ["codecs.encode", encode],
  ["numpy.dtype", createDtype],
  // The first of each is Python 2's and NumPy 1's.
  ...inBuiltins("__builtin__"),
  ...inBuiltins("builtins"),
  ...inNumpy("numpy.core"),
  ...inNumpy("numpy._core"),
];

/** What a pickle of plain containers, bytes and NumPy arrays and scalars names. */
export const NUMPY_GLOBALS: readonly PickleGlobal[] = [
  // An argument of `_reconstruct`, never called itself.
  { pickleType: "global", name: "numpy.ndarray" },
  ...CALLS.map(([name, call]): PickleGlobal => ({ pickleType: "global", name, call })),
];
