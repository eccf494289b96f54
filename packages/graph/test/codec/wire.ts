import protobuf from "protobufjs/minimal.js";

/** One encoded field, tag included. */
export interface WireField {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** Liberties that protobuf gives those who write a file; each is taken at random. */
export interface WireStyle {
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Fields in any order, those of one id in theirs. */
  readonly isShuffled: boolean;
  /** Lengths and integers with needless bytes. */
  readonly isPadded: boolean;
  /** Scalars that are there twice, of which the last counts. */
  readonly isDoubled: boolean;
  /** Gets the content of each unknown field that is added; none are added without. */
  readonly unknown: ((content: Uint8Array) => void) | undefined;
}

/** A varint of the value's low 64 bits, with `padding` needless bytes. */
function varint(value: bigint, padding = 0): Uint8Array {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (;;) {
    const low = Number(rest & 127n);
    rest >>= 7n;
    if (rest === 0n) {
      out.push(low);
      break;
    }
    out.push(low | 128);
  }
  for (let extra = Math.min(padding, 10 - out.length); extra > 0; extra--) {
    out.push((out.pop() ?? 0) | 128, 0);
  }
  return Uint8Array.from(out);
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Writes fields by hand, knowing nothing of ONNX nor of the encoder that is tested. */
export class Wire {
  readonly style: WireStyle;

  constructor(style: WireStyle) {
    this.style = style;
  }

  #padding(): number {
    return this.style.isPadded && this.style.random() < 0.3
      ? 1 + Math.floor(this.style.random() * 3)
      : 0;
  }

  #doubled(id: number, stale: Uint8Array, actual: Uint8Array): WireField[] {
    const field = { id, bytes: actual };
    return this.style.isDoubled && this.style.random() < 0.3
      ? [{ id, bytes: stale }, field]
      : [field];
  }

  #tagged(id: number, wireType: number, content: Uint8Array): Uint8Array {
    return concatBytes([varint(BigInt(id * 8 + wireType)), content]);
  }

  #delimited(id: number, content: Uint8Array): Uint8Array {
    return this.#tagged(
      id,
      2,
      concatBytes([varint(BigInt(content.length), this.#padding()), content]),
    );
  }

  int(id: number, value: bigint | number): WireField[] {
    const actual = this.#tagged(id, 0, varint(BigInt(value), this.#padding()));
    return this.#doubled(id, this.#tagged(id, 0, varint(5n)), actual);
  }

  float(id: number, value: number): WireField[] {
    const write = (number: number): Uint8Array =>
      protobuf.Writer.create()
        .uint32(id * 8 + 5)
        .float(number)
        .finish();
    return this.#doubled(id, write(1234), write(value));
  }

  text(id: number, value: string): WireField[] {
    return this.bytes(id, new TextEncoder().encode(value));
  }

  bytes(id: number, value: Uint8Array): WireField[] {
    return this.#doubled(
      id,
      this.#delimited(id, Uint8Array.of(115, 116)),
      this.#delimited(id, value),
    );
  }

  /** A field that may be there several times. */
  item(id: number, value: Uint8Array | string): WireField {
    const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
    return { id, bytes: this.#delimited(id, content) };
  }

  message(id: number, fields: readonly WireField[]): WireField {
    return this.item(id, this.encode(fields));
  }

  /** Varints, packed in one field, one field each, or a bit of both. */
  ints(id: number, values: readonly bigint[], packing: Packing): WireField[] {
    return this.#packed(
      id,
      0,
      values.map((value) => varint(value, this.#padding())),
      packing,
    );
  }

  /** Items of 4 or 8 bytes, as they lie in memory. */
  fixed(id: number, items: readonly Uint8Array[], packing: Packing): WireField[] {
    return this.#packed(id, items[0]?.length === 8 ? 1 : 5, items, packing);
  }

  #packed(
    id: number,
    wireType: number,
    items: readonly Uint8Array[],
    packing: Packing,
  ): WireField[] {
    const loose = (part: readonly Uint8Array[]): WireField[] =>
      part.map((bytes) => ({ id, bytes: this.#tagged(id, wireType, bytes) }));
    const packed = (part: readonly Uint8Array[]): WireField => this.item(id, concatBytes(part));
    if (items.length === 0) return [];
    if (packing === "unpacked") return loose(items);
    if (packing === "packed") return [packed(items)];
    const half = items.length >> 1;
    return [packed(items.slice(0, half)), ...loose(items.slice(half))];
  }

  /** The content of a message. */
  encode(fields: readonly WireField[]): Uint8Array {
    const all = [...fields, ...this.#unknown()];
    return concatBytes(
      (this.style.isShuffled ? this.#shuffle(all) : all).map(({ bytes }) => bytes),
    );
  }

  #unknown(): WireField[] {
    const { random, unknown } = this.style;
    if (!unknown || random() < 0.5) return [];
    const content = Uint8Array.from({ length: 12 }, () => Math.floor(random() * 256));
    unknown(content);
    const id = 1000 + Math.floor(random() * 1000);
    const group = concatBytes([
      varint(BigInt(id * 8 + 3)),
      this.#delimited(1, content),
      varint(BigInt(id * 8 + 4)),
    ]);
    return [
      { id, bytes: random() < 0.2 ? group : this.#delimited(id, content) },
      { id: id + 1, bytes: this.#tagged(id + 1, 1, content.subarray(0, 8)) },
      { id: id + 2, bytes: this.#tagged(id + 2, 5, content.subarray(0, 4)) },
    ];
  }

  #shuffle(fields: readonly WireField[]): WireField[] {
    const queues = new Map<number, WireField[]>();
    for (const field of fields) {
      const queue = queues.get(field.id);
      if (queue) queue.push(field);
      else queues.set(field.id, [field]);
    }
    const out: WireField[] = [];
    while (queues.size > 0) {
      const ids = [...queues.keys()];
      const id = ids[Math.floor(this.style.random() * ids.length)] ?? 0;
      const queue = queues.get(id) ?? [];
      const next = queue.shift();
      if (next) out.push(next);
      if (queue.length === 0) queues.delete(id);
    }
    return out;
  }
}

export type Packing = "packed" | "unpacked" | "mixed";

/** The plainest style. */
export const PLAIN: WireStyle = {
  random: () => 0,
  isShuffled: false,
  isPadded: false,
  isDoubled: false,
  unknown: undefined,
};
