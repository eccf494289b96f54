import { latin1, utf8 } from "./byte-reader.ts";
import type { Opcode, PickleMachine } from "./machine.ts";

/** Longest integer that is read, in bytes; Python's own limit for text is of this size. */
const MAX_INTEGER_BYTES = 1024;
const MAX_INTEGER_DIGITS = 2500;
const MAX_FLOAT_CHARACTERS = 400;

/** A count of bytes before the data: 1, 2 or 4 bytes, or 8. */
type LengthSize = 1 | 4 | 8;

/** Opcodes that push None, a bool, a number, a string or bytes. */
export const SCALAR_OPCODES: ReadonlyMap<number, Opcode> = new Map<number, Opcode>([
  // NONE, NEWTRUE, NEWFALSE
  [0x4e, (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  // INT, LONG, BININT, BININT1, BININT2, LONG1, LONG4
  [0x49, (m) => pushIntegerLine(m, m.reader.line())],
  [0x4c, (m) => pushIntegerLine(m, m.reader.line().replace(/L$/, ""))],
  [0x4a, (m) => m.push(m.reader.int32())],
  [0x4b, (m) => m.push(m.reader.uint(1))],
  [0x4d, (m) => m.push(m.reader.uint(2))],
  [0x8a, (m) => pushLong(m, m.reader.uint(1))],
  [0x8b, (m) => pushLong(m, m.reader.int32())],
  // FLOAT, BINFLOAT
  [0x46, (m) => pushFloatLine(m, m.reader.line())],
  [0x47, (m) => m.push(m.reader.float64())],
  // STRING, BINSTRING, SHORT_BINSTRING: Python 2's byte strings, read as Latin-1
  [0x53, (m) => pushQuoted(m, m.reader.line())],
  [0x54, (m) => m.push(latin1(data(m, 4), m.reader.offset))],
  [0x55, (m) => m.push(latin1(data(m, 1), m.reader.offset))],
  // UNICODE, BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
  [0x56, (m) => pushUnicodeLine(m, m.reader.line())],
  [0x58, (m) => m.push(utf8(data(m, 4), m.reader.offset))],
  [0x8c, (m) => m.push(utf8(data(m, 1), m.reader.offset))],
  [0x8d, (m) => m.push(utf8(data(m, 8), m.reader.offset))],
  // BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8
  [0x42, (m) => m.push(data(m, 4))],
  [0x43, (m) => m.push(data(m, 1))],
  [0x8e, (m) => m.push(data(m, 8))],
  [0x96, (m) => m.push(data(m, 8))],
]);

function data({ reader }: PickleMachine, size: LengthSize): Uint8Array {
  return reader.bytes(size === 8 ? reader.uint64() : reader.uint(size));
}

function pushIntegerLine(machine: PickleMachine, text: string): void {
  if (text === "00" || text === "01") {
    machine.push(text === "01");
    return;
  }
  if (!/^[+-]?\d+$/.test(text) || text.length > MAX_INTEGER_DIGITS) {
    machine.fail(`${JSON.stringify(text.slice(0, 40))} is not an integer that can be read`);
  }
  pushInteger(machine, BigInt(text.replace("+", "")));
}

/** Two's complement, little-endian. */
function pushLong(machine: PickleMachine, length: number): void {
  if (length < 0 || length > MAX_INTEGER_BYTES) {
    machine.fail(`an integer of ${length} bytes; ${MAX_INTEGER_BYTES} are read at most`);
  }
  const bytes = machine.reader.bytes(length);
  let value = 0n;
  for (let index = length - 1; index >= 0; index--) {
    value = (value << 8n) | BigInt(bytes[index] ?? 0);
  }
  pushInteger(machine, BigInt.asIntN(length * 8, value));
}

function pushInteger(machine: PickleMachine, value: bigint): void {
  const number = Number(value);
  machine.push(Number.isSafeInteger(number) ? number : value);
}

function pushFloatLine(machine: PickleMachine, text: string): void {
  if (text.length > MAX_FLOAT_CHARACTERS) machine.fail("a number of too many digits");
  const special = /^([+-]?)(inf|nan)$/.exec(text);
  if (special) {
    const size = special[2] === "nan" ? Number.NaN : Number.POSITIVE_INFINITY;
    machine.push(special[1] === "-" ? -size : size);
    return;
  }
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    machine.fail(`${JSON.stringify(text.slice(0, 40))} is not a number`);
  }
  machine.push(Number(text));
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** The `repr` of a Python 2 string. */
function pushQuoted(machine: PickleMachine, text: string): void {
  const quote = text[0];
  if (text.length < 2 || (quote !== "'" && quote !== '"') || text.at(-1) !== quote) {
    machine.fail("a string is not in quotes");
  }
  const inner = text.slice(1, -1);
  machine.push(
    inner.replace(
      /\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|([\s\S]?))/g,
      (whole: string, hex?: string, octal?: string, letter?: string) => {
        if (hex) return String.fromCharCode(Number.parseInt(hex, 16));
        if (octal) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
        return ESCAPES[letter ?? ""] ?? whole;
      },
    ),
  );
}

/** Python's `raw-unicode-escape`. */
function pushUnicodeLine(machine: PickleMachine, text: string): void {
  machine.push(
    text.replace(
      /\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g,
      (_whole: string, short?: string, long?: string) => {
        const code = Number.parseInt(short ?? long ?? "", 16);
        return code <= 0x10ffff
          ? String.fromCodePoint(code)
          : machine.fail(`U+${code.toString(16)} is not a character`);
      },
    ),
  );
}
