import { CONTAINER_OPCODES } from "./container-opcodes.ts";
import { createMachine, type Opcode } from "./machine.ts";
import { OBJECT_OPCODES } from "./object-opcodes.ts";
import type { PickleGlobal, PickleValue } from "./pickle-value.ts";
import { SCALAR_OPCODES } from "./scalar-opcodes.ts";

/** Options of {@link readPickle}. */
export interface ReadPickleOptions {
  /** What the pickle may name, by module and name (`numpy.dtype`). Default: nothing. */
  readonly globals?: readonly PickleGlobal[];
  /** Operations that are carried out at most, against memory bombs. Default: 4,000,000. */
  readonly maxOpcodes?: number;
}

const STOP = 0x2e;
const OPCODES: ReadonlyMap<number, Opcode> = new Map([
  ...SCALAR_OPCODES,
  ...CONTAINER_OPCODES,
  ...OBJECT_OPCODES,
]);

/**
 * Reads a Python pickle of protocol 0 to 5 without executing anything: no module is imported, and
 * the only functions called are those of `globals`. Bytes are views of the input. Nothing here
 * recurses, and no length is believed before it was compared with what is left.
 *
 * @throws PickleError naming the offset: a global that is not allowed, a truncated or corrupt file,
 * an operation that needs Python.
 */
export function readPickle(bytes: Uint8Array, options: ReadPickleOptions = {}): PickleValue {
  const { globals = [], maxOpcodes = 4_000_000 } = options;
  const byName = new Map(globals.map((global) => [global.name, global]));
  const machine = createMachine(bytes, byName, maxOpcodes);
  for (;;) {
    machine.begin();
    const code = machine.reader.byte();
    if (code === STOP) break;
    const opcode = OPCODES.get(code);
    if (!opcode)
      machine.fail(`0x${code.toString(16).padStart(2, "0")} is no operation of a pickle`);
    else opcode(machine);
  }
  const value = machine.pop();
  if (machine.reader.remaining > 0) {
    machine.fail(`${machine.reader.remaining} bytes follow the end of the pickle`);
  }
  return value;
}
