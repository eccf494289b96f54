import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createPickleWriter } from "@ocrslim/pickle";
import { ratiosByLoss } from "@ocrslim/sensitivity";
import { sharedPath } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { toLossCurves } from "../../src/paddleslim/parameter-names.ts";
import {
  type PaddleSlimCurve,
  readPaddleSlimSensitivities,
} from "../../src/paddleslim/read-paddleslim-sensitivities.ts";
import { groups } from "../sweep.ts";

const fixtures = join(import.meta.dirname, "fixtures");
const sound = readdirSync(fixtures).filter((name) => /^(numpy|python).*\.pickle$/.test(name));

/** What every sound fixture holds. */
const expected: readonly PaddleSlimCurve[] = [
  {
    parameter: "conv2d_0.w_0",
    points: [
      { ratio: 0.1, loss: 0.01 },
      { ratio: 0.5, loss: -0.02 },
    ],
  },
  { parameter: "conv2d_1.w_0", points: [{ ratio: 0.1, loss: 0.25 }] },
];
const byName = (a: PaddleSlimCurve, b: PaddleSlimCurve): number =>
  a.parameter < b.parameter ? -1 : 1;

/** A static file with one parameter, whose losses `items` writes. */
function pickled(items: (writer: ReturnType<typeof createPickleWriter>) => void): Uint8Array {
  const writer = createPickleWriter();
  writer.dict(() => {
    writer.text("a");
    writer.dict(() => items(writer));
  });
  return writer.finish();
}

describe("readPaddleSlimSensitivities", () => {
  it.each(sound)("reads %s", async (name) => {
    const { kind, curves } = await readPaddleSlimSensitivities(join(fixtures, name));
    expect(kind).toBe(name.includes("dygraph") ? "dygraph" : "static");
    // Python 2's dicts have an order of their own.
    expect(curves.toSorted(byName)).toEqual(expected);
  });

  it("covers protocols 0 to 5, both kinds, NumPy 1 and 2 and Python 2", () => {
    expect(sound.length).toBe(10 + 18 + 6);
  });

  it.each(sound)("refuses %s when it is cut, wherever", async (name) => {
    const bytes = readFileSync(join(fixtures, name));
    for (let length = 0; length < bytes.length; length += 7) {
      await expect(readPaddleSlimSensitivities(bytes.subarray(0, length))).rejects.toMatchObject({
        code: "malformed-file",
      });
    }
  });

  it("does not run what a file asks for", async () => {
    const path = join(fixtures, "evil-system.pickle");
    await expect(readPaddleSlimSensitivities(path)).rejects.toMatchObject({
      code: "malformed-file",
      file: path,
      message: expect.stringMatching(/posix\.system.*refused/),
    });
    expect(existsSync("/tmp/pwned")).toBe(false);
  });

  it("refuses a dict that holds itself", async () => {
    await expect(
      readPaddleSlimSensitivities(join(fixtures, "evil-recursive.pickle")),
    ).rejects.toMatchObject({
      code: "malformed-file",
      message: expect.stringContaining('a ratio of "a" that is a string'),
    });
  });

  it.each<[string, Uint8Array]>([
    // BINUNICODE8 and BINBYTES8 of 2^62 bytes, LONG4 of 2^31 − 1, BINUNICODE of 2^32 − 1.
    ["a huge text", Uint8Array.of(0x80, 4, 0x8d, 0, 0, 0, 0, 0, 0, 0, 0x40)],
    ["huge bytes", Uint8Array.of(0x80, 4, 0x8e, 0, 0, 0, 0, 0, 0, 0, 0x40)],
    ["a huge integer", Uint8Array.of(0x80, 2, 0x8b, 0xff, 0xff, 0xff, 0x7f)],
    ["a long text", Uint8Array.of(0x80, 2, 0x58, 0xff, 0xff, 0xff, 0xff)],
    ["a list", Uint8Array.of(0x80, 2, 0x5d, 0x2e)],
    ["nothing", new Uint8Array(0)],
    ["text", Buffer.from('{"formatVersion": 1}')],
  ])("refuses %s", async (_, bytes) => {
    await expect(readPaddleSlimSensitivities(bytes)).rejects.toMatchObject({
      code: "malformed-file",
    });
  });

  it.each([0, 1, -0.1, 1.5, Number.NaN])("refuses the ratio %d", async (ratio) => {
    const bytes = pickled((writer) => {
      writer.float(ratio);
      writer.float(0);
    });
    await expect(readPaddleSlimSensitivities(bytes)).rejects.toThrow(
      `a ratio of "a" that is ${ratio}`,
    );
  });

  it("refuses losses that are no numbers", async () => {
    for (const loss of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const bytes = pickled((writer) => {
        writer.float(0.5);
        writer.float(loss);
      });
      await expect(readPaddleSlimSensitivities(bytes)).rejects.toThrow(
        `a loss of "a" at ratio 0.5 that is ${loss}`,
      );
    }
    const none = pickled((writer) => {
      writer.float(0.5);
      writer.none();
    });
    await expect(readPaddleSlimSensitivities(none)).rejects.toThrow("that is None");
  });

  it("names a file that is not there", async () => {
    await expect(readPaddleSlimSensitivities("nowhere.pickle")).rejects.toMatchObject({
      code: "file-access",
      file: "nowhere.pickle",
    });
  });

  const shared = sharedPath("fixtures");
  describe.skipIf(!shared)("given PaddleSlim's own files (needs the shared fixtures)", () => {
    it("reads the dygraph pruner's", async () => {
      const { kind, curves } = await readPaddleSlimSensitivities(
        `${shared}/paddleslim-2.6-dygraph-sen.pickle`,
      );
      expect(kind).toBe("dygraph");
      expect(curves.length).toBeGreaterThan(20);
      for (const { points } of curves) {
        expect(points.map(({ ratio }) => ratio)).toEqual([
          0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9,
        ]);
      }
      expect(curves[0]?.parameter).toBe("conv2d_0.w_0");
      expect(curves[0]?.points[0]?.loss).toBe(-0.0022421911887410047);
      const last = curves.find(({ parameter }) => parameter === "conv2d_55.w_0");
      expect(last?.points.at(-1)?.loss).toBe(0.00782784394071091);
    });

    it("reads the static analysis's", async () => {
      const { kind, curves } = await readPaddleSlimSensitivities(
        `${shared}/paddleslim-static-sensitivities_0.data`,
      );
      expect(kind).toBe("static");
      expect(curves).toEqual([
        {
          parameter: "conv10_expand_weights",
          points: [
            { ratio: 0.1, loss: 0.0065 },
            { ratio: 0.2, loss: 0.0183 },
            { ratio: 0.3, loss: 0.0145 },
            { ratio: 0.4, loss: 0.0306 },
          ],
        },
        {
          parameter: "conv10_linear_weights",
          points: [
            { ratio: 0.1, loss: 0.0511 },
            { ratio: 0.2, loss: 0.0771 },
          ],
        },
      ]);
    });
  });
});

describe("toLossCurves", () => {
  const points = [{ ratio: 0.5, loss: 0.1 }];
  const file = (...parameters: readonly string[]) => ({
    kind: "static" as const,
    curves: parameters.map((parameter) => ({ parameter, points })),
  });

  it("gives a parameter's losses to the group whose channels it computes", () => {
    // conv_w_2 makes the channels of Conv_2, and reads those of Conv.
    expect(toLossCurves(file("conv_w_2", "conv_w"), groups)).toEqual({
      curves: [
        { group: "Conv", width: 8, points },
        { group: "Conv_2", width: 6, points },
      ],
      unmatched: [],
      repeated: [],
    });
  });

  it("says what has no group, or one that has a curve", () => {
    expect(toLossCurves(file("conv_w", "conv2d_9.w_0", "conv_b"), groups)).toEqual({
      curves: [{ group: "Conv", width: 8, points }],
      unmatched: ["conv2d_9.w_0"],
      repeated: ["conv_b"],
    });
  });

  it("takes other names by an option", () => {
    const names = { "conv2d_0.w_0": "conv_w_2", "conv2d_1.w_0": "Conv" };
    const { curves } = toLossCurves(file("conv2d_0.w_0", "conv2d_1.w_0"), groups, { names });
    expect(curves.map(({ group }) => group)).toEqual(["Conv", "Conv_2"]);
    expect(ratiosByLoss(curves, 0.2)).toEqual({ Conv: 0.5, Conv_2: 0.5 });
  });
});
