export { isArray, type NumpyArray } from "./numpy-array.ts";
export { NUMPY_GLOBALS } from "./numpy-globals.ts";
export { PickleError } from "./pickle-error.ts";
export {
  describeValue,
  isDict,
  isGlobal,
  isList,
  isObject,
  isTuple,
  type PickleCall,
  type PickleContext,
  type PickleDict,
  type PickleGlobal,
  type PickleObject,
  type PickleValue,
} from "./pickle-value.ts";
export { type ReadPickleOptions, readPickle } from "./read-pickle.ts";
export { createPickleWriter, type PickleWriter } from "./write-pickle.ts";
