import { type ByteReader, createByteReader } from "./byte-reader.ts";
import { pickleError } from "./pickle-error.ts";
import type { PickleContext, PickleGlobal, PickleValue } from "./pickle-value.ts";

/** The state of Python's pickle machine: a stack with marks, and a memo. */
export interface PickleMachine {
  readonly reader: ByteReader;
  readonly context: PickleContext;
  push(value: PickleValue): void;
  pop(): PickleValue;
  top(): PickleValue;
  mark(): void;
  /** Everything since the last mark. */
  popToMark(): PickleValue[];
  /** As Python's POP: takes the value on top, or a mark if that is on top. */
  discard(): void;
  remember(index: number): void;
  rememberNext(): void;
  recall(index: number): PickleValue;
  /** The global of that name, if the caller allows it. */
  global(module: string, name: string): PickleGlobal;
  fail(problem: string): never;
  /** Called before each opcode. */
  begin(): void;
}

/** What an opcode does. */
export type Opcode = (machine: PickleMachine) => void;

export function createMachine(
  bytes: Uint8Array,
  globals: ReadonlyMap<string, PickleGlobal>,
  maxOpcodes: number,
): PickleMachine {
  const reader = createByteReader(bytes);
  const stack: PickleValue[] = [];
  const marks: number[] = [];
  const memo = new Map<number, PickleValue>();
  let opcodeOffset = 0;
  let opcodeCount = 0;
  let copied = 0;

  const fail = (problem: string): never => {
    throw pickleError(problem, opcodeOffset);
  };
  /** Where the part of the stack begins that opcodes may touch. */
  const base = (): number => marks.at(-1) ?? 0;
  const top = (): PickleValue => {
    const value = stack.length > base() ? stack.at(-1) : undefined;
    return value === undefined ? fail("the stack is empty here") : value;
  };
  const pop = (): PickleValue => {
    const value = top();
    stack.pop();
    return value;
  };
  const remember = (index: number): void => {
    memo.set(index, top());
  };

  return {
    reader,
    context: {
      fail,
      allocate: (byteCount) => {
        copied += byteCount;
        if (copied > bytes.length) {
          fail(`the data would take more than the ${bytes.length} bytes of the whole file`);
        }
      },
    },
    push: (value) => {
      stack.push(value);
    },
    pop,
    top,
    mark: () => {
      marks.push(stack.length);
    },
    popToMark: () => {
      const start = marks.pop();
      return start === undefined ? fail("there is no mark here") : stack.splice(start);
    },
    discard: () => {
      if (marks.at(-1) === stack.length) marks.pop();
      else pop();
    },
    remember,
    rememberNext: () => {
      remember(memo.size);
    },
    recall: (index) => {
      const value = memo.get(index);
      return value === undefined ? fail(`nothing was remembered as ${index}`) : value;
    },
    global: (module, name) => {
      const known = globals.get(`${module}.${name}`);
      return (
        known ??
        fail(
          `the pickle names ${JSON.stringify(`${module}.${name}`)}, which is not among what may be named; it is refused, nothing was run`,
        )
      );
    },
    fail,
    begin: () => {
      opcodeOffset = reader.offset;
      if (++opcodeCount > maxOpcodes) fail(`there are more than ${maxOpcodes} operations`);
    },
  };
}
