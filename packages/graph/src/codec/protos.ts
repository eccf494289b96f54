import type { SourceRange } from "../ir/source.ts";

/** What every decoded message remembers. */
export interface DecodedMessage {
  /** The message's own bytes, without tag and length. */
  readonly source: SourceRange;
  /** Fields that the schema does not know, with their tags. */
  readonly carried: readonly SourceRange[];
}

/** One occurrence of a field that is decoded on demand. */
export interface FieldRange extends SourceRange {
  readonly wireType: number;
}

export interface OperatorSetIdProto extends DecodedMessage {
  readonly domain?: string;
  readonly version?: number;
}

export interface StringStringEntryProto extends DecodedMessage {
  readonly key?: string;
  readonly value?: string;
}

export interface ModelProto extends DecodedMessage {
  readonly irVersion?: number;
  readonly producerName?: string;
  readonly producerVersion?: string;
  readonly graph?: GraphProto;
  readonly opsetImport?: readonly OperatorSetIdProto[];
  readonly metadataProps?: readonly StringStringEntryProto[];
}

export interface FunctionProto extends DecodedMessage {
  readonly name?: string;
  readonly domain?: string;
}

export interface GraphProto extends DecodedMessage {
  readonly node?: readonly NodeProto[];
  readonly name?: string;
  readonly initializer?: readonly TensorProto[];
  readonly docString?: string;
  readonly input?: readonly ValueInfoProto[];
  readonly output?: readonly ValueInfoProto[];
  readonly valueInfo?: readonly ValueInfoProto[];
  readonly sparseInitializer?: readonly SparseTensorProto[];
}

export interface NodeProto extends DecodedMessage {
  readonly input?: readonly string[];
  readonly output?: readonly string[];
  readonly name?: string;
  readonly opType?: string;
  readonly attribute?: readonly AttributeProto[];
  readonly docString?: string;
  readonly domain?: string;
}

export interface AttributeProto extends DecodedMessage {
  readonly name?: string;
  readonly f?: number;
  readonly i?: number;
  readonly s?: SourceRange;
  readonly t?: TensorProto;
  readonly g?: GraphProto;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
  readonly strings?: readonly FieldRange[];
  readonly tensors?: readonly TensorProto[];
  readonly graphs?: readonly GraphProto[];
  readonly type?: number;
  readonly refAttrName?: string;
}

export interface TensorProto extends DecodedMessage {
  readonly dims?: readonly number[];
  readonly dataType?: number;
  readonly segment?: DecodedMessage;
  readonly floatData?: readonly FieldRange[];
  readonly int32Data?: readonly FieldRange[];
  readonly stringData?: readonly FieldRange[];
  readonly int64Data?: readonly FieldRange[];
  readonly name?: string;
  readonly rawData?: SourceRange;
  readonly doubleData?: readonly FieldRange[];
  readonly uint64Data?: readonly FieldRange[];
  readonly externalData?: readonly StringStringEntryProto[];
  readonly dataLocation?: number;
}

export interface SparseTensorProto extends DecodedMessage {
  readonly values?: TensorProto;
}

export interface DimensionProto extends DecodedMessage {
  readonly dimValue?: number;
  readonly dimParam?: string;
}

export interface TypeProto extends DecodedMessage {
  readonly tensorType?: DecodedMessage & {
    readonly elemType?: number;
    readonly shape?: DecodedMessage & { readonly dim?: readonly DimensionProto[] };
  };
}

export interface ValueInfoProto extends DecodedMessage {
  readonly name?: string;
  readonly type?: TypeProto;
}

/** The decoded form of each message of the schema. */
export interface Protos {
  readonly ModelProto: ModelProto;
  readonly FunctionProto: FunctionProto;
  readonly TensorProto: TensorProto;
  readonly SparseTensorProto: SparseTensorProto;
}
