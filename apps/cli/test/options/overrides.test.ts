import { describe, expect, it } from "vitest";
import {
  applyOverride,
  type ConfigTree,
  isOverride,
  spreadOverrides,
} from "../../src/options/overrides.ts";

describe("isOverride", () => {
  it.each(["Global.debug=true", "macs=0.5", "Eval.dataset.data_dir=./a=b", "limit-side-len=960"])(
    "takes %s as an override",
    (value) => expect(isOverride(value)).toBe(true),
  );

  it.each(["out.onnx", "./a=b", "/tmp/a=b", "runs/a=b", "=x"])("takes %s as a path", (value) =>
    expect(isOverride(value)).toBe(false),
  );
});

describe("spreadOverrides", () => {
  it("gives each override after one -o its own", () => {
    expect(spreadOverrides(["eval", "m", "-o", "A.b=1", "C=2", "--json"])).toEqual([
      "eval",
      "m",
      "-o",
      "A.b=1",
      "-o",
      "C=2",
      "--json",
    ]);
  });

  it("leaves an argument after an output path alone", () => {
    const argv = ["simplify", "-o", "out.onnx", "model.onnx"];
    expect(spreadOverrides(argv)).toEqual(argv);
  });
});

describe("applyOverride", () => {
  it("reads values as YAML and makes the branches that are missing", () => {
    const tree: ConfigTree = { Global: { a: 1 } };
    applyOverride(tree, "Global.b=true");
    applyOverride(tree, "PostProcess.thresh=0.4");
    applyOverride(tree, "Eval.dataset.label_file_list=['a.txt','b.txt']");
    expect(tree).toEqual({
      Global: { a: 1, b: true },
      PostProcess: { thresh: 0.4 },
      Eval: { dataset: { label_file_list: ["a.txt", "b.txt"] } },
    });
  });

  it("refuses to go below a value, and prototypes", () => {
    expect(() => applyOverride({ a: 1 }, "a.b=2")).toThrow(
      expect.objectContaining({ code: "invalid-option" }),
    );
    expect(() => applyOverride({}, "__proto__.polluted=1")).toThrow(
      expect.objectContaining({ code: "invalid-option" }),
    );
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });
});
