import { endianness } from "node:os";

/*
 * The file, all numbers little-endian:
 *   8 bytes  "OCRSLIMC"
 *   4 bytes  format version, uint32
 *   4 bytes  length of the header, uint32
 *   header   JSON, UTF-8; `vectors` lists name and size of what follows
 *   vectors  float32, one after another
 *   32 bytes SHA-256 of everything before
 */
export const MAGIC = "OCRSLIMC";
/** Bytes before the header. */
export const PREFIX_BYTES = 16;
export const HASH_BYTES = 32;
/** Bytes that are read or written at once. */
export const CHUNK_BYTES: number = 1 << 24;

/** The bytes of a vector as the file holds them; on most machines, and here, without a copy. */
export function littleEndianBytes(data: Float32Array): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return endianness() === "LE" ? bytes : Buffer.from(bytes).swap32();
}

/** Turns bytes that were read into a vector, in place. */
export function swapIfBigEndian(data: Float32Array): void {
  if (endianness() === "LE") return;
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).swap32();
}
