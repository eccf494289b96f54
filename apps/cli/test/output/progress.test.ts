import { describe, expect, it } from "vitest";
import { createProgress } from "../../src/output/progress.ts";

function setUp(isTTY: boolean, quiet = false) {
  let text = "";
  let time = 0;
  const progress = createProgress({
    stderr: { write: (part) => (text += part) },
    isTTY,
    quiet,
    columns: 100,
    now: () => time,
  });
  const advance = (done: number): void =>
    progress.onProgress({ kind: "advance", task: "train", done, total: 100, unit: "steps" });
  progress.onProgress({ kind: "start", task: "train", total: 100, unit: "steps" });
  return {
    progress,
    advance,
    wait: (milliseconds: number) => (time += milliseconds),
    written: () => text,
  };
}

describe("createProgress", () => {
  it("writes plain lines with rate and remaining time where there is no terminal", () => {
    const { advance, wait, written } = setUp(false);
    wait(10_000);
    advance(20);
    expect(written()).toBe("train: 20/100 steps (20 %), 2.00/s, 40 s left\n");
  });

  it("writes at most a line for ten percent or five seconds", () => {
    const { advance, wait, written } = setUp(false);
    for (let step = 1; step <= 100; step++) {
      wait(20);
      advance(step);
    }
    expect(written().split("\n").length - 1).toBeLessThanOrEqual(2);
  });

  it("draws a bar in place on a terminal, and clears it for a line", () => {
    const { progress, advance, wait, written } = setUp(true);
    wait(1000);
    advance(50);
    expect(written()).toContain("██████████░░░░░░░░░░ 50/100 steps · 50.0/s · 1 s left");
    expect(written()).not.toContain("\n");
    progress.line("a note");
    expect(written().endsWith("\r\x1b[2Ka note\n")).toBe(true);
  });

  it("writes nothing if it is quiet", () => {
    const { advance, wait, written } = setUp(false, true);
    wait(60_000);
    advance(50);
    expect(written()).toBe("");
  });
});
