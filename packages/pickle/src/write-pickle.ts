/** Writes a pickle operation by operation; what it makes is on top of the machine's stack. */
export interface PickleWriter {
  none(): void;
  boolean(value: boolean): void;
  /** From −2^31 to 2^31 − 1. */
  integer(value: number): void;
  float(value: number): void;
  text(value: string): void;
  /** Up to 4 GB; not copied until the end. */
  bytes(value: Uint8Array): void;
  /** `items` writes the members. */
  tuple(items: () => void): void;
  list(items: () => void): void;
  /** `items` writes keys and values by turns. */
  dict(items: () => void): void;
  /** A class or function. */
  global(module: string, name: string): void;
  /** Calls the global below with the tuple on top. */
  reduce(): void;
  /** Gives the state on top to the object below. */
  build(): void;
  /** The whole pickle. */
  finish(): Uint8Array;
}

/**
 * The first protocol that has bytes, which protocol 2 spells as text one and a half times as long.
 * Python reads it since 3.0.
 */
const PROTOCOL = 3;

export function createPickleWriter(): PickleWriter {
  const chunks: Uint8Array[] = [];
  const write = (...bytes: readonly number[]): void => {
    chunks.push(Uint8Array.from(bytes));
  };
  const writeLength = (opcode: number, length: number): void => {
    const chunk = Buffer.alloc(5, opcode);
    chunk.writeUInt32LE(length, 1);
    chunks.push(chunk);
  };
  write(0x80, PROTOCOL);

  return {
    none: () => write(0x4e),
    boolean: (value) => write(value ? 0x88 : 0x89),
    integer: (value) => {
      const chunk = Buffer.alloc(5, 0x4a);
      chunk.writeInt32LE(value, 1);
      chunks.push(chunk);
    },
    float: (value) => {
      const chunk = Buffer.alloc(9, 0x47);
      chunk.writeDoubleBE(value, 1);
      chunks.push(chunk);
    },
    text: (value) => {
      const encoded = Buffer.from(value, "utf8");
      writeLength(0x58, encoded.length);
      chunks.push(encoded);
    },
    bytes: (value) => {
      writeLength(0x42, value.length);
      chunks.push(value);
    },
    tuple: (items) => {
      write(0x28);
      items();
      write(0x74);
    },
    list: (items) => {
      write(0x28);
      items();
      write(0x6c);
    },
    dict: (items) => {
      write(0x7d, 0x28);
      items();
      write(0x75);
    },
    global: (module, name) => {
      chunks.push(Buffer.from(`c${module}\n${name}\n`, "utf8"));
    },
    reduce: () => write(0x52),
    build: () => write(0x62),
    finish: () => Buffer.concat([...chunks, Uint8Array.of(0x2e)]),
  };
}
