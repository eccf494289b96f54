import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { listParameterNames } from "../../src/paddleslim/parameter-names.ts";
import { readPaddleSlimSensitivities } from "../../src/paddleslim/read-paddleslim-sensitivities.ts";
import {
  formatPaddleSlimSensitivities,
  writePaddleSlimSensitivities,
} from "../../src/paddleslim/write-paddleslim-sensitivities.ts";
import { groups } from "../sweep.ts";

const folder = mkdtempSync(join(tmpdir(), "ocrslim-paddleslim-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const curves = [
  {
    group: "Conv",
    width: 8,
    points: [
      { ratio: 0.1, loss: -1e-300 },
      { ratio: 0.30000000000000004, loss: 0.1 },
    ],
  },
  { group: "Conv_2", width: 6, points: [] },
];

describe("writePaddleSlimSensitivities", () => {
  it("writes what comes back the same, under the parameters' names", async () => {
    const path = join(folder, "sensitivities_0.data");
    const names = listParameterNames(groups);
    expect(names).toEqual({ Conv: "conv_w", Conv_2: "conv_w_2" });
    await writePaddleSlimSensitivities(path, curves, { names });
    expect(await readPaddleSlimSensitivities(path)).toEqual({
      kind: "static",
      curves: [
        { parameter: "conv_w", points: curves[0]?.points },
        { parameter: "conv_w_2", points: [] },
      ],
    });
    expect(readdirSync(folder)).toEqual(["sensitivities_0.data"]);
  });

  it("calls groups by their ids where there is no name", () => {
    const text = Buffer.from(formatPaddleSlimSensitivities(curves)).toString("latin1");
    expect(text).toContain("Conv_2");
    // Protocol 3: what every Python 3 reads.
    expect(text.startsWith("\x80\x03")).toBe(true);
  });

  it("refuses one name for two groups", () => {
    expect(() => formatPaddleSlimSensitivities(curves, { names: { Conv: "Conv_2" } })).toThrow(
      expect.objectContaining({ code: "contradiction" }),
    );
  });

  it("says where it could not write", async () => {
    const path = join(folder, "missing", "s.data");
    await expect(writePaddleSlimSensitivities(path, curves)).rejects.toMatchObject({
      code: "file-access",
      file: path,
    });
  });
});
