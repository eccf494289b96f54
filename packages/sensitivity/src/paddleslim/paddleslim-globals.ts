import {
  isDict,
  isGlobal,
  NUMPY_GLOBALS,
  type PickleContext,
  type PickleDict,
  type PickleGlobal,
  type PickleObject,
  type PickleValue,
} from "@ocrslim/pickle";

const STATUS = "paddleslim.dygraph.prune.filter_pruner.Status";

/** What the dygraph pruner pickles: an object around the dict of losses. */
interface PaddleSlimStatus extends PickleObject {
  readonly pickleType: typeof STATUS;
  readonly attributes: PickleDict | undefined;
}

function createStatus(): PaddleSlimStatus {
  const status = {
    pickleType: STATUS,
    attributes: undefined as PickleDict | undefined,
    setState: (state: PickleValue, context: PickleContext): void => {
      if (!isDict(state)) context.fail("the state of a Status is no dict");
      status.attributes = state;
    },
  } satisfies PaddleSlimStatus;
  return status;
}

export function isStatus(value: PickleValue): value is PaddleSlimStatus {
  return typeof value === "object" && value !== null && "pickleType" in value
    ? value.pickleType === STATUS
    : false;
}

const status: PickleGlobal = { pickleType: "global", name: STATUS, call: createStatus };

/** `copyreg._reconstructor(class, object, None)`: how protocols 0 and 1 make an object. */
const reconstruct: NonNullable<PickleGlobal["call"]> = ([made = null], context) =>
  isGlobal(made) && made.name === STATUS
    ? createStatus()
    : context.fail("something else than a Status is made");

const named = (name: string): PickleGlobal => ({ pickleType: "global", name });

/** All that a file of PaddleSlim's may name, from Python 2 and 3, NumPy 1 and 2. */
export const PADDLESLIM_GLOBALS: readonly PickleGlobal[] = [
  ...NUMPY_GLOBALS,
  status,
  ...["copyreg", "copy_reg"].map((module) => ({
    ...named(`${module}._reconstructor`),
    call: reconstruct,
  })),
  named("builtins.object"),
  named("__builtin__.object"),
];
