import { createRandom } from "@ocrslim/graph";
import { describe, expect, test } from "vitest";
import { PickleError } from "../src/pickle-error.ts";
import type { PickleGlobal } from "../src/pickle-value.ts";
import { readPickle } from "../src/read-pickle.ts";

/**
 * One value of every kind, as CPython 3.11 pickles it with each protocol (keys are in the order in
 * which `VALUE` has them).
 */
const BY_PROTOCOL: Readonly<Record<string, string>> = {
  "0": "KGRwMApWbm9uZQpwMQpOc1Z0CnAyCihJMDEKSTAwCnRwMwpzVmludHMKcDQKKGxwNQpJMAphSTEKYUkyNTUKYUkyNTYKYUk2NTUzNQphSTY1NTM2CmFJLTEKYUktMjE0NzQ4MzY0OAphTDIxNDc0ODM2NDhMCmFMOTAwNzE5OTI1NDc0MDk5M0wKYUwtMTE4MDU5MTYyMDcxNzQxMTMwMzQyNEwKYXNWZmxvYXRzCnA2CihscDcKRjAuMQphRi0xLjVlKzMwMAphRmluZgphc1Z0ZXh0CnA4ClZo6WxsbyBcdTAwNWMgXHUwMDBhIFx1MDNhOVxVMDAwMWY2MDAKcDkKc1ZieXRlcwpwMTAKY19jb2RlY3MKZW5jb2RlCnAxMQooVlx1MDAwMP9hYgpwMTIKVmxhdGluMQpwMTMKdHAxNApScDE1CnNWbmVzdGVkCnAxNgooZHAxNwpWYQpwMTgKKGxwMTkKSTEKYShJMgooSTMKSTQKSTUKSTYKdHAyMAp0cDIxCmEoZHAyMgphc3NJMQpWb25lCnAyMwpzVnNldApwMjQKY19fYnVpbHRpbl9fCnNldApwMjUKKChscDI2Ckk3CmF0cDI3ClJwMjgKc1ZlbXB0eQpwMjkKKCh0KGxwMzAKKGRwMzEKVgpwMzIKdHAzMwpzVnNhbWUKcDM0CihscDM1CihscDM2CkkxCmFhZzM2CmFzLg==",
  "1": "fXEAKFgEAAAAbm9uZXEBTlgBAAAAdHECKEkwMQpJMDAKdHEDWAQAAABpbnRzcQRdcQUoSwBLAUv/TQABTf//SgAAAQBK/////0oAAACATDIxNDc0ODM2NDhMCkw5MDA3MTk5MjU0NzQwOTkzTApMLTExODA1OTE2MjA3MTc0MTEzMDM0MjRMCmVYBgAAAGZsb2F0c3EGXXEHKEc/uZmZmZmZmkf+QestZgBYNUd/8AAAAAAAAGVYBAAAAHRleHRxCFgRAAAAaMOpbGxvIFwgCiDOqfCfmIBxCVgFAAAAYnl0ZXNxCmNfY29kZWNzCmVuY29kZQpxCyhYBQAAAADDv2FicQxYBgAAAGxhdGluMXENdHEOUnEPWAYAAABuZXN0ZWRxEH1xEVgBAAAAYXESXXETKEsBKEsCKEsDSwRLBUsGdHEUdHEVfXEWZXNLAVgDAAAAb25lcRdYAwAAAHNldHEYY19fYnVpbHRpbl9fCnNldApxGShdcRpLB2F0cRtScRxYBQAAAGVtcHR5cR0oKV1xHn1xH1gAAAAAcSB0cSFYBAAAAHNhbWVxIl1xIyhdcSRLAWFoJGV1Lg==",
  "2": "gAJ9cQAoWAQAAABub25lcQFOWAEAAAB0cQKIiYZxA1gEAAAAaW50c3EEXXEFKEsASwFL/00AAU3//0oAAAEASv////9KAAAAgIoFAAAAgACKBwEAAAAAACCKCQAAAAAAAAAAwGVYBgAAAGZsb2F0c3EGXXEHKEc/uZmZmZmZmkf+QestZgBYNUd/8AAAAAAAAGVYBAAAAHRleHRxCFgRAAAAaMOpbGxvIFwgCiDOqfCfmIBxCVgFAAAAYnl0ZXNxCmNfY29kZWNzCmVuY29kZQpxC1gFAAAAAMO/YWJxDFgGAAAAbGF0aW4xcQ2GcQ5ScQ9YBgAAAG5lc3RlZHEQfXERWAEAAABhcRJdcRMoSwFLAihLA0sESwVLBnRxFIZxFX1xFmVzSwFYAwAAAG9uZXEXWAMAAABzZXRxGGNfX2J1aWx0aW5fXwpzZXQKcRldcRpLB2GFcRtScRxYBQAAAGVtcHR5cR0oKV1xHn1xH1gAAAAAcSB0cSFYBAAAAHNhbWVxIl1xIyhdcSRLAWFoJGV1Lg==",
  "3": "gAN9cQAoWAQAAABub25lcQFOWAEAAAB0cQKIiYZxA1gEAAAAaW50c3EEXXEFKEsASwFL/00AAU3//0oAAAEASv////9KAAAAgIoFAAAAgACKBwEAAAAAACCKCQAAAAAAAAAAwGVYBgAAAGZsb2F0c3EGXXEHKEc/uZmZmZmZmkf+QestZgBYNUd/8AAAAAAAAGVYBAAAAHRleHRxCFgRAAAAaMOpbGxvIFwgCiDOqfCfmIBxCVgFAAAAYnl0ZXNxCkMEAP9hYnELWAYAAABuZXN0ZWRxDH1xDVgBAAAAYXEOXXEPKEsBSwIoSwNLBEsFSwZ0cRCGcRF9cRJlc0sBWAMAAABvbmVxE1gDAAAAc2V0cRRjYnVpbHRpbnMKc2V0CnEVXXEWSwdhhXEXUnEYWAUAAABlbXB0eXEZKCldcRp9cRtYAAAAAHEcdHEdWAQAAABzYW1lcR5dcR8oXXEgSwFhaCBldS4=",
  "4": "gASVCAEAAAAAAAB9lCiMBG5vbmWUTowBdJSIiYaUjARpbnRzlF2UKEsASwFL/00AAU3//0oAAAEASv////9KAAAAgIoFAAAAgACKBwEAAAAAACCKCQAAAAAAAAAAwGWMBmZsb2F0c5RdlChHP7mZmZmZmZpH/kHrLWYAWDVHf/AAAAAAAABljAR0ZXh0lIwRaMOpbGxvIFwgCiDOqfCfmICUjAVieXRlc5RDBAD/YWKUjAZuZXN0ZWSUfZSMAWGUXZQoSwFLAihLA0sESwVLBnSUhpR9lGVzSwGMA29uZZSMA3NldJSPlChLB5CMBWVtcHR5lCgpXZR9lIwAlHSUjARzYW1llF2UKF2USwFhaB1ldS4=",
  "5": "gAWVCAEAAAAAAAB9lCiMBG5vbmWUTowBdJSIiYaUjARpbnRzlF2UKEsASwFL/00AAU3//0oAAAEASv////9KAAAAgIoFAAAAgACKBwEAAAAAACCKCQAAAAAAAAAAwGWMBmZsb2F0c5RdlChHP7mZmZmZmZpH/kHrLWYAWDVHf/AAAAAAAABljAR0ZXh0lIwRaMOpbGxvIFwgCiDOqfCfmICUjAVieXRlc5RDBAD/YWKUjAZuZXN0ZWSUfZSMAWGUXZQoSwFLAihLA0sESwVLBnSUhpR9lGVzSwGMA29uZZSMA3NldJSPlChLB5CMBWVtcHR5lCgpXZR9lIwAlHSUjARzYW1llF2UKF2USwFhaB1ldS4=",
};

const SHARED = [1];
const VALUE = new Map<unknown, unknown>([
  ["none", null],
  ["t", [true, false]],
  ["ints", [0, 1, 255, 256, 65535, 65536, -1, -(2 ** 31), 2 ** 31, 2n ** 53n + 1n, -(2n ** 70n)]],
  ["floats", [0.1, -1.5e300, Number.POSITIVE_INFINITY]],
  ["text", "héllo \\ \n Ω😀"],
  ["bytes", Uint8Array.of(0, 255, 97, 98)],
  ["nested", new Map<unknown, unknown>([["a", [1, [2, [3, 4, 5, 6]], new Map()]]])],
  [1, "one"],
  ["set", new Set([7])],
  ["empty", [[], [], new Map(), ""]],
  ["same", [SHARED, SHARED]],
]);

const global = (name: string, call?: PickleGlobal["call"]): PickleGlobal => ({
  pickleType: "global",
  name,
  ...(call ? { call } : {}),
});
/** What CPython names for bytes and sets in the old protocols. */
const PLAIN_GLOBALS = ["__builtin__", "builtins"]
  .map((module) => global(`${module}.set`, ([items]) => new Set(items as readonly number[])))
  .concat(
    global("_codecs.encode", ([text]) => new Uint8Array(Buffer.from(String(text), "latin1"))),
  );

const bytesOf = (...parts: readonly (string | number)[]): Uint8Array =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === "number" ? Uint8Array.of(part) : Buffer.from(part, "latin1"),
    ),
  );

function failure(bytes: Uint8Array, globals: readonly PickleGlobal[] = []): string {
  try {
    readPickle(bytes, { globals });
  } catch (error) {
    expect(error).toBeInstanceOf(PickleError);
    return (error as Error).message;
  }
  return "nothing was thrown";
}

describe("readPickle", () => {
  test.each(Object.entries(BY_PROTOCOL))("reads protocol %s", (_protocol, base64) => {
    const value = readPickle(Buffer.from(base64, "base64"), { globals: PLAIN_GLOBALS });
    const plain = new Map([...(value as Map<unknown, unknown>)].map(([key, item]) => [key, item]));
    expect(plain.get("bytes")).toSatisfy((bytes) =>
      Buffer.from(bytes).equals(VALUE.get("bytes") as Uint8Array),
    );
    plain.set("bytes", VALUE.get("bytes"));
    expect(plain).toEqual(VALUE);
    expect([...plain.keys()]).toEqual([...VALUE.keys()]);
    const [first, second] = plain.get("same") as readonly unknown[];
    expect(first).toBe(second);
  });

  test("reads what only Python 2 writes", () => {
    // A dict of quoted strings, one with escapes; a short byte string; an integer as text.
    const text = "(dp0\nS'a\\x41\\n'\np1\nS\"it's\"\nsU\x02\xe9\x00I42\ns.";
    expect(readPickle(bytesOf(text))).toEqual(
      new Map<unknown, unknown>([
        ["aA\n", "it's"],
        ["é\0", 42],
      ]),
    );
  });

  test("reads a list that contains itself without recursion", () => {
    const list = readPickle(bytesOf("]\x94h\x00a.")) as unknown[];
    expect(list[0]).toBe(list);
  });

  test("reads 100,000 nested lists", () => {
    const depth = 100_000;
    let value = readPickle(bytesOf("]".repeat(depth), "a".repeat(depth - 1), "."));
    for (let level = 1; level < depth; level++) value = (value as unknown[])[0] as typeof value;
    expect(value).toEqual([]);
  });

  test.each<[string, Uint8Array, string]>([
    ["os.system by GLOBAL", bytesOf("cos\nsystem\n(S'echo x'\ntR."), '"os.system"'],
    [
      "eval by STACK_GLOBAL",
      bytesOf(0x80, 4, 0x8c, 8, "builtins", 0x8c, 4, "eval", 0x93, "."),
      '"builtins.eval"',
    ],
    ["a call by INST", bytesOf("(S'x'\nisubprocess\nPopen\n."), '"subprocess.Popen"'],
    ["a call by OBJ", bytesOf("(cposix\nsystem\nS'x'\no."), '"posix.system"'],
    [
      "a dotted way round",
      bytesOf(0x8c, 5, "numpy", 0x8c, 11, "os.system.x", 0x93, "."),
      '"numpy.os.system.x"',
    ],
    ["a name of JavaScript's own", bytesOf("c\n__proto__\n."), '".__proto__"'],
  ])("refuses %s and names it", (_what, bytes, name) => {
    const message = failure(bytes, [global("numpy.dtype", () => 1)]);
    expect(message).toContain(name);
    expect(message).toMatch(/at byte \d+/);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ["an empty file", bytesOf(""), /1 bytes are needed.*truncated/],
    [
      "a length beyond the file",
      bytesOf("B\xff\xff\xff\x7f", "abc."),
      /2147483647 bytes are needed here and 4 are left/,
    ],
    [
      "a length of 2^63",
      bytesOf(0x8e, 0, 0, 0, 0, 0, 0, 0, 128, "x."),
      /9223372036854775808 bytes are needed/,
    ],
    ["a negative integer length", bytesOf(0x8b, 255, 255, 255, 255, "."), /integer of -1 bytes/],
    [
      "a huge integer",
      bytesOf(0x8b, 0, 0, 16, 0, "\x01".repeat(1 << 20), "."),
      /integer of 1048576 bytes/,
    ],
    ["a huge integer as text", bytesOf("I", "9".repeat(100_000), "\n."), /not an integer/],
    ["a long number as text", bytesOf("F", "9".repeat(1_000_000), "x\n."), /too many digits/],
    [
      "a frame beyond the file",
      bytesOf(0x80, 4, 0x95, 9, 0, 0, 0, 0, 0, 0, 0, "N."),
      /frame of 9 bytes where 2/,
    ],
    ["a line without an end", bytesOf("S'abc'"), /no end/],
    ["a memo without the entry", bytesOf("h\x05."), /remembered as 5/],
    ["an empty stack", bytesOf("."), /stack is empty/],
    ["a mark that is missing", bytesOf("t."), /no mark/],
    ["values below a mark", bytesOf("K\x01(\x85."), /stack is empty/],
    ["a call of what is no function", bytesOf("K\x01)R."), /a number may not be called/],
    ["state for a number", bytesOf("K\x01Nb."), /a number takes no state/],
    ["an append to a tuple", bytesOf(")Na."), /this is a tuple/],
    ["an item for a list", bytesOf("]NNs."), /this is a list/],
    ["a key without a value", bytesOf("}(Nu."), /key has no value/],
    ["a persistent id", bytesOf("Pabc\n."), /persistent id/],
    ["an extension", bytesOf(0x82, 1, "."), /extension/],
    ["data outside the file", bytesOf(0x97, "."), /outside the file/],
    ["protocol 6", bytesOf(0x80, 6, "N."), /protocol 6/],
    ["text that is not UTF-8", bytesOf("X\x01\x00\x00\x00\xff."), /cannot be decoded/],
    ["an unknown operation", bytesOf("\xff."), /0xff is no operation/],
    ["a zip file", bytesOf("PK\x03\x04 and more"), /persistent id/],
    ["bytes after the end", bytesOf("N.N."), /2 bytes follow/],
  ])("refuses %s", (_what, bytes, message) => {
    expect(failure(bytes)).toMatch(message);
  });

  test("ends a pickle of endless operations", () => {
    expect(() => readPickle(bytesOf("N".repeat(1001), "."), { maxOpcodes: 1000 })).toThrow(
      /more than 1000 operations/,
    );
  });

  test("does not let calls copy more than the file holds", () => {
    const grow = global("a.b", (_args, { allocate }) => {
      allocate(9);
      return null;
    });
    expect(failure(bytesOf("ca\nb\n)R0".repeat(2), "."), [grow])).toMatch(
      /at byte 14: the data would take more than the 17 bytes/,
    );
  });

  test("every truncation of every protocol is an error", () => {
    for (const base64 of Object.values(BY_PROTOCOL)) {
      const bytes = Buffer.from(base64, "base64");
      for (let length = 0; length < bytes.length; length++) {
        expect(failure(bytes.subarray(0, length), PLAIN_GLOBALS)).toMatch(/^readPickle: at byte/);
      }
    }
  });

  test("damaged bytes give a value or an error of ours, never anything else", () => {
    const random = createRandom(1);
    for (const base64 of Object.values(BY_PROTOCOL)) {
      for (let round = 0; round < 500; round++) {
        const bytes = Buffer.from(base64, "base64");
        for (let count = 0; count < 3; count++) {
          bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
        }
        expect(failure(bytes, PLAIN_GLOBALS)).toMatch(/^readPickle: at byte|^nothing was thrown/);
      }
    }
  });
});
