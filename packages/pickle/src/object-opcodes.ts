import { popMany } from "./container-opcodes.ts";
import type { Opcode, PickleMachine } from "./machine.ts";
import {
  describeValue,
  isDict,
  isGlobal,
  isObject,
  isTuple,
  type PickleValue,
} from "./pickle-value.ts";

const refuse =
  (what: string): Opcode =>
  (machine) =>
    machine.fail(`${what} cannot be read`);

/** Opcodes that name globals, call them and fill what they made. */
export const OBJECT_OPCODES: ReadonlyMap<number, Opcode> = new Map<number, Opcode>([
  // GLOBAL, STACK_GLOBAL
  [0x63, (m) => m.push(m.global(m.reader.line(), m.reader.line()))],
  [0x93, stackGlobal],
  // REDUCE, NEWOBJ, NEWOBJ_EX, INST, OBJ
  [0x52, callWithTuple],
  [0x81, callWithTuple],
  [0x92, callWithKeywords],
  [
    0x69,
    (m) => {
      const global = m.global(m.reader.line(), m.reader.line());
      call(m, global, m.popToMark());
    },
  ],
  [
    0x6f,
    (m) => {
      const [callee = null, ...args] = m.popToMark();
      call(m, callee, args);
    },
  ],
  // BUILD
  [0x62, build],
  // PROTO, FRAME
  [0x80, protocol],
  [0x95, frame],
  // PERSID, BINPERSID, EXT1, EXT2, EXT4, NEXT_BUFFER, READONLY_BUFFER
  [0x50, refuse("a persistent id")],
  [0x51, refuse("a persistent id")],
  [0x82, refuse("a registered extension")],
  [0x83, refuse("a registered extension")],
  [0x84, refuse("a registered extension")],
  [0x97, refuse("data outside the file")],
  [0x98, refuse("data outside the file")],
]);

function stackGlobal(machine: PickleMachine): void {
  const [module, name] = popMany(machine, 2);
  if (typeof module !== "string" || typeof name !== "string") {
    machine.fail("a global is not named by two strings");
  }
  machine.push(machine.global(module, name));
}

function callWithTuple(machine: PickleMachine): void {
  const [callee = null, args = null] = popMany(machine, 2);
  if (!isTuple(args)) machine.fail(`arguments are ${describeValue(args)}, not a tuple`);
  call(machine, callee, args);
}

function callWithKeywords(machine: PickleMachine): void {
  const [callee = null, args = null, keywords = null] = popMany(machine, 3);
  if (!isTuple(args)) machine.fail(`arguments are ${describeValue(args)}, not a tuple`);
  if (!isDict(keywords) || keywords.size > 0) machine.fail("named arguments cannot be read");
  call(machine, callee, args);
}

function call(machine: PickleMachine, callee: PickleValue, args: readonly PickleValue[]): void {
  if (!isGlobal(callee) || !callee.call) {
    machine.fail(`${describeValue(callee)} may not be called`);
  }
  machine.push(callee.call(args, machine.context));
}

function build(machine: PickleMachine): void {
  const state = machine.pop();
  const target = machine.top();
  if (!isObject(target) || !target.setState) {
    machine.fail(`${describeValue(target)} takes no state`);
  }
  target.setState(state, machine.context);
}

function protocol(machine: PickleMachine): void {
  const version = machine.reader.byte();
  if (version > 5) machine.fail(`protocol ${version} is not known; 0 to 5 are`);
}

/** A frame only says how much may be read ahead. */
function frame(machine: PickleMachine): void {
  const length = machine.reader.uint64();
  if (length > machine.reader.remaining) {
    machine.fail(
      `a frame of ${length} bytes where ${machine.reader.remaining} are left: the file is truncated`,
    );
  }
}
