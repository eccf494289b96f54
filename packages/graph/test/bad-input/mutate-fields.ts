import protobuf from "protobufjs/minimal.js";
import { type MessageName, SCHEMA } from "../../src/codec/schema.ts";
import { concatBytes } from "../codec/wire.ts";

/** A field of a message: another message, a number, or bytes. */
interface Field {
  readonly id: number;
  readonly content: Field[] | bigint | { readonly wireType: number; readonly bytes: Uint8Array };
}

function parse(bytes: Uint8Array, message: MessageName): Field[] {
  const reader = protobuf.Reader.create(bytes);
  const fields: Field[] = [];
  while (reader.pos < bytes.length) {
    const tag = reader.uint32();
    const id = tag >>> 3;
    const wireType = tag & 7;
    const child = SCHEMA[message].find((field) => field.id === id)?.message;
    if (wireType === 2) {
      // Not slice(): that of a Buffer is a view.
      const content = new Uint8Array(reader.bytes());
      fields.push({ id, content: child ? parse(content, child) : { wireType, bytes: content } });
    } else if (wireType === 0) {
      fields.push({ id, content: BigInt(String(reader.int64())) });
    } else {
      const start = reader.pos;
      reader.skipType(wireType);
      fields.push({
        id,
        content: { wireType, bytes: new Uint8Array(bytes.subarray(start, reader.pos)) },
      });
    }
  }
  return fields;
}

function varint(value: bigint): Uint8Array {
  const out: number[] = [];
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    if (rest < 128n) return Uint8Array.of(...out, Number(rest));
    out.push(Number(rest & 127n) | 128);
  }
}

function write(fields: readonly Field[]): Uint8Array {
  return concatBytes(
    fields.flatMap(({ id, content }) => {
      const tag = (wireType: number): Uint8Array => varint(BigInt(id * 8 + wireType));
      if (typeof content === "bigint") return [tag(0), varint(content)];
      const bytes = Array.isArray(content) ? write(content) : content.bytes;
      if (!Array.isArray(content) && content.wireType !== 2) return [tag(content.wireType), bytes];
      return [tag(2), varint(BigInt(bytes.length)), bytes];
    }),
  );
}

const NUMBERS = [
  0n,
  1n,
  -1n,
  2n,
  3n,
  7n,
  64n,
  255n,
  65_536n,
  2n ** 31n,
  2n ** 40n,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];

function countFields(fields: readonly Field[]): number {
  return fields.reduce(
    (sum, { content }) => sum + 1 + (Array.isArray(content) ? countFields(content) : 0),
    0,
  );
}

/** The list that holds the n-th field of a tree, and where in it. */
function locate(fields: Field[], target: number): { list: Field[]; at: number } {
  let left = target;
  for (let at = 0; at < fields.length; at++) {
    if (left === 0) return { list: fields, at };
    left--;
    const content = fields[at]?.content;
    if (!Array.isArray(content)) continue;
    const inner = countFields(content);
    if (left < inner) return locate(content, left);
    left -= inner;
  }
  throw new RangeError(`there is no field ${target}`);
}

/**
 * A copy of an ONNX file with a few of its fields changed, dropped, doubled or exchanged; all lengths
 * around them are right, so that it is mostly still a file.
 */
export function mutateFields(bytes: Uint8Array, random: () => number): Uint8Array {
  const fields = parse(bytes, "ModelProto");
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let count = 1 + below(3); count > 0; count--) {
    const total = countFields(fields);
    if (total === 0) break;
    const { list, at } = locate(fields, below(total));
    const other = locate(fields, below(total));
    const field = list[at];
    const donor = other.list[other.at];
    if (!field || !donor) continue;
    const kind = random();
    if (kind < 0.1) list.splice(at, 1);
    else if (kind < 0.2) list.splice(at, 0, structuredClone(field));
    else if (kind < 0.3) list[at] = { id: 1 + below(25), content: field.content };
    else if (kind < 0.5) list[at] = { id: field.id, content: structuredClone(donor.content) };
    else list[at] = { id: field.id, content: changed(field.content, below) };
  }
  return write(fields);
}

function changed(content: Field["content"], below: (limit: number) => number): Field["content"] {
  if (typeof content === "bigint")
    return below(3) > 0 ? (NUMBERS[below(NUMBERS.length)] ?? 0n) : content + BigInt(below(5) - 2);
  if (Array.isArray(content)) return content.toReversed();
  const bytes = new Uint8Array(content.bytes);
  if (bytes.length > 0) bytes[below(bytes.length)] = below(128);
  return { wireType: content.wireType, bytes };
}
