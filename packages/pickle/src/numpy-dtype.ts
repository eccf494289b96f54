import type { DataType } from "@ocrslim/graph";
import {
  isObject,
  isTuple,
  type PickleCall,
  type PickleContext,
  type PickleObject,
  type PickleValue,
} from "./pickle-value.ts";

/** NumPy's type codes and what they are in ONNX. */
const DATA_TYPES: ReadonlyMap<string, { readonly dtype: DataType; readonly size: number }> =
  new Map([
    ["b1", { dtype: "bool", size: 1 }],
    ["i1", { dtype: "int8", size: 1 }],
    ["i2", { dtype: "int16", size: 2 }],
    ["i4", { dtype: "int32", size: 4 }],
    ["i8", { dtype: "int64", size: 8 }],
    ["u1", { dtype: "uint8", size: 1 }],
    ["u2", { dtype: "uint16", size: 2 }],
    ["u4", { dtype: "uint32", size: 4 }],
    ["u8", { dtype: "uint64", size: 8 }],
    ["f2", { dtype: "float16", size: 2 }],
    ["f4", { dtype: "float32", size: 4 }],
    ["f8", { dtype: "float64", size: 8 }],
  ]);

/** A `numpy.dtype` of plain numbers. */
export interface NumpyDtype extends PickleObject {
  readonly pickleType: "numpy.dtype";
  readonly dtype: DataType;
  /** Bytes of one element. */
  readonly size: number;
  readonly isBigEndian: boolean;
}

/** `numpy.dtype(code, align, copy)`. */
export const createDtype: PickleCall = ([code], context) => {
  const parts = typeof code === "string" ? /^([<>|=]?)([a-zA-Z]\d*)$/.exec(code) : null;
  const known = DATA_TYPES.get(parts?.[2] ?? "");
  if (!known) {
    const wanted = [...DATA_TYPES.keys()].join(", ");
    return context.fail(`a dtype is ${JSON.stringify(code)}; these can be read: ${wanted}`);
  }
  const result = {
    pickleType: "numpy.dtype",
    ...known,
    isBigEndian: parts?.[1] === ">",
    // (version, byte order, subdtype, names, fields, itemsize, alignment, flags)
    setState: (state: PickleValue, { fail }: PickleContext): void => {
      const [, order, subdtype = null, names = null] = isTuple(state) ? state : [];
      if (typeof order !== "string" || !/^[<>|=]$/.test(order)) {
        fail("the state of a dtype has no byte order");
      }
      if (subdtype !== null || names !== null) fail("a dtype with fields cannot be read");
      result.isBigEndian = order === ">";
    },
  } satisfies NumpyDtype;
  return result;
};

export function isDtype(value: PickleValue | undefined): value is NumpyDtype {
  return isObject(value) && value.pickleType === "numpy.dtype";
}
