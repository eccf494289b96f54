/** Element types of ONNX tensors (TensorProto.DataType). */
export type DataType =
  | "undefined"
  | "float32"
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "int32"
  | "int64"
  | "string"
  | "bool"
  | "float16"
  | "float64"
  | "uint32"
  | "uint64"
  | "complex64"
  | "complex128"
  | "bfloat16"
  | "float8e4m3fn"
  | "float8e4m3fnuz"
  | "float8e5m2"
  | "float8e5m2fnuz"
  | "uint4"
  | "int4"
  | "float4e2m1"
  | "float8e8m0"
  | "uint2"
  | "int2";

interface DataTypeInfo {
  readonly code: number;
  /** Bits of one element in `raw_data`; 0 for strings. */
  readonly bits: number;
  /** The TensorProto field that holds elements of this type when they are not raw. */
  readonly field:
    | "floatData"
    | "int32Data"
    | "int64Data"
    | "doubleData"
    | "uint64Data"
    | "stringData";
}

const info = (code: number, bits: number, field: DataTypeInfo["field"]): DataTypeInfo => ({
  code,
  bits,
  field,
});

const DATA_TYPES: Readonly<Record<DataType, DataTypeInfo>> = {
  undefined: info(0, 0, "int32Data"),
  float32: info(1, 32, "floatData"),
  uint8: info(2, 8, "int32Data"),
  int8: info(3, 8, "int32Data"),
  uint16: info(4, 16, "int32Data"),
  int16: info(5, 16, "int32Data"),
  int32: info(6, 32, "int32Data"),
  int64: info(7, 64, "int64Data"),
  string: info(8, 0, "stringData"),
  bool: info(9, 8, "int32Data"),
  float16: info(10, 16, "int32Data"),
  float64: info(11, 64, "doubleData"),
  uint32: info(12, 32, "uint64Data"),
  uint64: info(13, 64, "uint64Data"),
  complex64: info(14, 64, "floatData"),
  complex128: info(15, 128, "doubleData"),
  bfloat16: info(16, 16, "int32Data"),
  float8e4m3fn: info(17, 8, "int32Data"),
  float8e4m3fnuz: info(18, 8, "int32Data"),
  float8e5m2: info(19, 8, "int32Data"),
  float8e5m2fnuz: info(20, 8, "int32Data"),
  uint4: info(21, 4, "int32Data"),
  int4: info(22, 4, "int32Data"),
  float4e2m1: info(23, 4, "int32Data"),
  float8e8m0: info(24, 8, "int32Data"),
  uint2: info(25, 2, "int32Data"),
  int2: info(26, 2, "int32Data"),
};

const BY_CODE: ReadonlyMap<number, DataType> = new Map(
  Object.entries(DATA_TYPES).map(([name, { code }]) => [code, name as DataType]),
);

/** The number ONNX files use for a data type. */
export function dataTypeCode(dtype: DataType): number {
  return DATA_TYPES[dtype].code;
}

/** The data type of a number in an ONNX file, or `undefined` if ONNX has none. */
export function dataTypeFromCode(code: number): DataType | undefined {
  return BY_CODE.get(code);
}

/** Bits of one element as ONNX packs it (4-bit types share bytes); 0 for strings. */
export function dataTypeBits(dtype: DataType): number {
  return DATA_TYPES[dtype].bits;
}

/** The TensorProto field for elements of a type that are not stored raw. */
export function dataTypeField(dtype: DataType): DataTypeInfo["field"] {
  return DATA_TYPES[dtype].field;
}

/** Number of elements of a tensor of these dims; 1 for a scalar. */
export function elementCount(dims: readonly number[]): number {
  let count = 1;
  for (const dim of dims) count *= dim;
  return count;
}

/** Bytes that elements of a type take in `raw_data`, with sub-byte types packed. */
export function byteLength(dtype: DataType, dims: readonly number[]): number {
  return Math.ceil((elementCount(dims) * dataTypeBits(dtype)) / 8);
}
