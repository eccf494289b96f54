import protobuf from "protobufjs/minimal.js";

const VARINT = 0;
const DELIMITED = 2;
const FIXED32 = 5;

/** Pieces of this size and more are passed on by reference instead of being copied. */
const LARGE_BYTES = 16_384;

const LARGEST_INT64 = { low: -1, high: 0x7fffffff, unsigned: false };

/** Writes the fields of one message; nested messages have a sink of their own. @internal */
export class ByteSink {
  readonly #parts: Uint8Array[] = [];
  #writer: protobuf.Writer = protobuf.Writer.create();

  int(field: number, value: number): void {
    this.#writer.uint32((field << 3) | VARINT);
    // 2^63 is what the largest int64 becomes as a number.
    this.#writer.int64(value >= 2 ** 63 ? (LARGEST_INT64 as unknown as number) : value);
  }

  float(field: number, value: number): void {
    this.#writer.uint32((field << 3) | FIXED32).float(value);
  }

  /** A string field that is left out where it is empty. */
  text(field: number, value: string): void {
    if (value !== "") this.string(field, value);
  }

  string(field: number, value: string): void {
    this.#writer.uint32((field << 3) | DELIMITED).string(value);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#writer.uint32((field << 3) | DELIMITED).uint32(value.length);
    this.raw(value);
  }

  message(field: number, write: (sink: ByteSink) => void): void {
    const child = new ByteSink();
    write(child);
    const parts = child.finish();
    let length = 0;
    for (const part of parts) length += part.length;
    this.#writer.uint32((field << 3) | DELIMITED).uint32(length);
    for (const part of parts) this.raw(part);
  }

  /** Bytes as they are, tags included. */
  raw(bytes: Uint8Array): void {
    if (bytes.length < LARGE_BYTES) {
      if (bytes.length > 0) this.#writer.raw(bytes);
      return;
    }
    this.#flush();
    this.#parts.push(bytes);
  }

  finish(): readonly Uint8Array[] {
    this.#flush();
    return this.#parts;
  }

  #flush(): void {
    const bytes = this.#writer.finish();
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.#writer = protobuf.Writer.create();
  }
}
