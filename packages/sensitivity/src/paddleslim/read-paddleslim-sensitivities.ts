import type { LossPoint } from "@ocrslim/graph";
import {
  describeValue,
  isDict,
  type PickleDict,
  PickleError,
  type PickleValue,
  readPickle,
} from "@ocrslim/pickle";
import { messageOf, SensitivityError } from "../errors.ts";
import { isStatus, PADDLESLIM_GLOBALS } from "./paddleslim-globals.ts";

/** The losses of one parameter, points by ascending ratio. */
export interface PaddleSlimCurve {
  /** Name of the Paddle parameter, such as `conv2d_1.w_0`. */
  readonly parameter: string;
  readonly points: readonly LossPoint[];
}

/** What a sensitivity file of PaddleSlim's holds. It knows no model, data or metric. */
export interface PaddleSlimSensitivities {
  /**
   * Who wrote it: the static analysis (a dict, losses relative to the baseline) or the dygraph pruner
   * (a `Status` object, losses relative to the baseline + 10⁻³).
   */
  readonly kind: "static" | "dygraph";
  /** In the file's order. */
  readonly curves: readonly PaddleSlimCurve[];
}

/** A file of these is some hundred kilobytes; a million operations are plenty. */
const MAX_OPCODES = 1_000_000;

type Fail = (problem: string, cause?: unknown) => never;

/**
 * Reads PaddleSlim's sensitivity file (`sensitivities_0.data`, `sen.pickle`) or its bytes: a pickle of
 * protocol 0 to 5, written by Python 2 or 3 with NumPy 1 or 2. Nothing in it is executed; what names
 * anything but PaddleSlim's `Status`, NumPy's numbers and plain containers is refused.
 * {@link toLossCurves} finds the channel groups of its parameters.
 * @throws SensitivityError `file-access`, `malformed-file`.
 */
export async function readPaddleSlimSensitivities(
  source: string | Uint8Array,
): Promise<PaddleSlimSensitivities> {
  const file = typeof source === "string" ? source : undefined;
  const fail: Fail = (problem, cause) => {
    throw new SensitivityError(
      "malformed-file",
      `readPaddleSlimSensitivities: ${file ?? "the data"} ${problem}`,
      { ...(file === undefined ? {} : { file }), cause },
    );
  };
  const content = parse(typeof source === "string" ? await readBytes(source) : source, fail);
  if (!isStatus(content)) return { kind: "static", curves: listCurves(content, fail) };
  // The misspelling is PaddleSlim's.
  const losses = content.attributes && find(content.attributes, "sensitivies");
  if (losses === undefined) return fail('is a Status object without "sensitivies"');
  return { kind: "dygraph", curves: listCurves(losses, fail) };
}

async function readBytes(path: string): Promise<Uint8Array> {
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(path);
  } catch (cause) {
    throw new SensitivityError(
      "file-access",
      `readPaddleSlimSensitivities: ${path}: ${messageOf(cause)}`,
      { file: path, cause },
    );
  }
}

function parse(bytes: Uint8Array, fail: Fail): PickleValue {
  try {
    return readPickle(bytes, { globals: PADDLESLIM_GLOBALS, maxOpcodes: MAX_OPCODES });
  } catch (cause) {
    if (!(cause instanceof PickleError)) throw cause;
    return fail(`cannot be read as a sensitivity file of PaddleSlim's (${cause.message})`, cause);
  }
}

/** Python 2's byte-string keys are bytes when Python 3 pickles them again. */
function toText(key: PickleValue): string | undefined {
  if (typeof key === "string") return key;
  return key instanceof Uint8Array ? new TextDecoder().decode(key) : undefined;
}

function find(dict: PickleDict, name: string): PickleValue | undefined {
  for (const [key, value] of dict) if (toText(key) === name) return value;
  return undefined;
}

function listCurves(losses: PickleValue, fail: Fail): readonly PaddleSlimCurve[] {
  if (!isDict(losses)) {
    return fail(`holds ${describeValue(losses)}, not a dict of losses by parameter`);
  }
  return Array.from(losses, ([key, byRatio]): PaddleSlimCurve => {
    const parameter = toText(key);
    if (parameter === undefined) return fail(`has a key that is ${describeValue(key)}, not a name`);
    if (!isDict(byRatio)) {
      return fail(`has ${describeValue(byRatio)} as "${parameter}", not a dict of losses by ratio`);
    }
    return { parameter, points: listPoints(parameter, byRatio, fail) };
  });
}

function listPoints(parameter: string, byRatio: PickleDict, fail: Fail): readonly LossPoint[] {
  return Array.from(byRatio, ([ratio, loss]): LossPoint => {
    if (typeof ratio !== "number" || !(ratio > 0 && ratio < 1)) {
      return fail(
        `has a ratio of "${parameter}" that is ${typeof ratio === "number" ? ratio : describeValue(ratio)}; ratios lie between 0 and 1`,
      );
    }
    if (typeof loss !== "number" || !Number.isFinite(loss)) {
      return fail(
        `has a loss of "${parameter}" at ratio ${ratio} that is ${typeof loss === "number" ? loss : describeValue(loss)}; losses are finite numbers`,
      );
    }
    return { ratio, loss };
  }).toSorted((a, b) => a.ratio - b.ratio);
}
