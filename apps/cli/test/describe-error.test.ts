import { GraphError } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import { CliError } from "../src/cli-error.ts";
import { describeError } from "../src/describe-error.ts";

describe("describeError", () => {
  it("takes errors about the input as exit code 1, on one line", () => {
    const error = new CliError("invalid-option", "--macs:\n  must be a fraction");
    expect(describeError(error)).toEqual({ exitCode: 1, message: "--macs: must be a fraction" });
  });

  it("takes anything else as a bug", () => {
    expect(describeError(new TypeError("x is undefined"))).toMatchObject({ exitCode: 2 });
    expect(describeError("text")).toMatchObject({ exitCode: 2 });
  });

  it("looks through an error that only wraps another one", () => {
    const bug = new GraphError("transform-failed", "transform: a failed", {
      cause: new TypeError("x is undefined"),
    });
    const input = new GraphError("transform-failed", "transform: a failed", {
      cause: new GraphError("unsupported", "opset 6"),
    });
    expect(describeError(bug).exitCode).toBe(2);
    expect(describeError(input).exitCode).toBe(1);
  });

  it("puts what the system says into words, with the path", () => {
    const error = Object.assign(new Error("x"), { code: "ENOENT", syscall: "open", path: "/a/b" });
    expect(describeError(error)).toEqual({
      exitCode: 1,
      message: "/a/b: there is no such file or folder (ENOENT)",
    });
  });

  it("takes the reason of an aborted signal as an interruption, and other errors not", () => {
    const signal = AbortSignal.abort();
    expect(describeError(signal.reason, signal).exitCode).toBe(130);
    expect(describeError(new TypeError("x"), signal).exitCode).toBe(2);
  });
});
