import type { Opcode, PickleMachine } from "./machine.ts";
import { describeValue, isList, type PickleValue } from "./pickle-value.ts";

const tuple = (items: readonly PickleValue[]): PickleValue => Object.freeze([...items]);

/** Opcodes that make and fill tuples, lists, dicts and sets, and those that move the stack. */
export const CONTAINER_OPCODES: ReadonlyMap<number, Opcode> = new Map<number, Opcode>([
  // EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3
  [0x29, (m) => m.push(tuple([]))],
  [0x74, (m) => m.push(tuple(m.popToMark()))],
  [0x85, (m) => m.push(tuple([m.pop()]))],
  [0x86, (m) => m.push(tuple(popMany(m, 2)))],
  [0x87, (m) => m.push(tuple(popMany(m, 3)))],
  // EMPTY_LIST, LIST, APPEND, APPENDS
  [0x5d, (m) => m.push([])],
  [0x6c, (m) => m.push(m.popToMark())],
  [0x61, (m) => append(m, [m.pop()])],
  [0x65, (m) => append(m, m.popToMark())],
  // EMPTY_DICT, DICT, SETITEM, SETITEMS
  [0x7d, (m) => m.push(new Map())],
  [
    0x64,
    (m) => {
      const items = m.popToMark();
      m.push(new Map());
      setItems(m, items);
    },
  ],
  [0x73, (m) => setItems(m, popMany(m, 2))],
  [0x75, (m) => setItems(m, m.popToMark())],
  // EMPTY_SET, ADDITEMS, FROZENSET
  [0x8f, (m) => m.push(new Set())],
  [0x90, addItems],
  [0x91, (m) => m.push(Object.freeze(new Set(m.popToMark())))],
  // MARK, POP, POP_MARK, DUP
  [0x28, (m) => m.mark()],
  [0x30, (m) => m.discard()],
  [
    0x31,
    (m) => {
      m.popToMark();
    },
  ],
  [0x32, (m) => m.push(m.top())],
  // GET, BINGET, LONG_BINGET, PUT, BINPUT, LONG_BINPUT, MEMOIZE
  [0x67, (m) => m.push(m.recall(memoIndex(m)))],
  [0x68, (m) => m.push(m.recall(m.reader.uint(1)))],
  [0x6a, (m) => m.push(m.recall(m.reader.uint(4)))],
  [0x70, (m) => m.remember(memoIndex(m))],
  [0x71, (m) => m.remember(m.reader.uint(1))],
  [0x72, (m) => m.remember(m.reader.uint(4))],
  [0x94, (m) => m.rememberNext()],
]);

/** The values on top, the deepest first. */
export function popMany(machine: PickleMachine, count: number): readonly PickleValue[] {
  return Array.from({ length: count }, () => machine.pop()).reverse();
}

function append(machine: PickleMachine, items: readonly PickleValue[]): void {
  const list = machine.top();
  if (!isList(list)) {
    machine.fail(`only a list can be appended to, this is ${describeValue(list)}`);
  }
  for (const item of items) list.push(item);
}

function setItems(machine: PickleMachine, items: readonly PickleValue[]): void {
  const dict = machine.top();
  if (!(dict instanceof Map)) {
    machine.fail(`only a dict takes items, this is ${describeValue(dict)}`);
  }
  if (items.length % 2 === 1) machine.fail("a key has no value");
  for (let index = 0; index < items.length; index += 2) {
    dict.set(items[index] ?? null, items[index + 1] ?? null);
  }
}

function addItems(machine: PickleMachine): void {
  const items = machine.popToMark();
  const set = machine.top();
  if (!(set instanceof Set) || Object.isFrozen(set)) {
    machine.fail(`only a set takes members, this is ${describeValue(set)}`);
  }
  for (const item of items) set.add(item);
}

function memoIndex(machine: PickleMachine): number {
  const text = machine.reader.line();
  if (/^\d{1,10}$/.test(text)) return Number(text);
  return machine.fail(`${JSON.stringify(text.slice(0, 40))} is not a place in the memo`);
}
