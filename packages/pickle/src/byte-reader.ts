import { pickleError } from "./pickle-error.ts";

/** Reads a pickle's bytes in order; every length is checked against what is left. */
export interface ByteReader {
  /** Where the next byte is read. */
  readonly offset: number;
  readonly remaining: number;
  byte(): number;
  /** A view of the next bytes. */
  bytes(count: number | bigint): Uint8Array;
  /** Little-endian, unsigned, of 1, 2 or 4 bytes. */
  uint(size: 1 | 2 | 4): number;
  int32(): number;
  uint64(): bigint;
  /** Big-endian. */
  float64(): number;
  /** Up to the next line feed, which is skipped; bytes become characters one by one. */
  line(): string;
}

export function createByteReader(source: Uint8Array): ByteReader {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  let offset = 0;

  const advance = (count: number | bigint): number => {
    if (count > source.length - offset) {
      throw pickleError(
        `${count} bytes are needed here and ${source.length - offset} are left: the file is truncated or corrupt`,
        offset,
      );
    }
    const start = offset;
    offset += Number(count);
    return start;
  };

  return {
    get offset() {
      return offset;
    },
    get remaining() {
      return source.length - offset;
    },
    byte: () => view.getUint8(advance(1)),
    bytes: (count) => {
      const start = advance(count);
      return source.subarray(start, offset);
    },
    uint: (size) => {
      const at = advance(size);
      if (size === 1) return view.getUint8(at);
      return size === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
    },
    int32: () => view.getInt32(advance(4), true),
    uint64: () => view.getBigUint64(advance(8), true),
    float64: () => view.getFloat64(advance(8), false),
    line: () => {
      const end = source.indexOf(10, offset);
      if (end < 0) throw pickleError("a line has no end: the file is truncated", offset);
      const text = latin1(source.subarray(offset, end), offset);
      offset = end + 1;
      return text;
    },
  };
}

/** Bytes as characters U+0000 to U+00FF. */
export function latin1(bytes: Uint8Array, offset: number): string {
  return decodeText(offset, () =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1"),
  );
}

const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(bytes: Uint8Array, offset: number): string {
  return decodeText(offset, () => utf8Decoder.decode(bytes));
}

/** A text may be malformed, or longer than a string can be. */
function decodeText(offset: number, decode: () => string): string {
  try {
    return decode();
  } catch (cause) {
    throw pickleError(`a text cannot be decoded (${(cause as Error).message})`, offset);
  }
}
