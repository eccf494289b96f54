import { describe, expect, it } from "vitest";
import { formatBytes, formatCount, formatDuration } from "../../src/output/numbers.ts";
import { formatTable } from "../../src/output/table.ts";

describe("formatCount", () => {
  it("gives three digits and a prefix", () => {
    expect(formatCount(2_302_000_000)).toBe("2.30 G");
    expect(formatCount(47_000)).toBe("47.0 k");
    expect(formatCount(7)).toBe("7");
    expect(formatBytes(4_750_000)).toBe("4.75 MB");
    expect(formatBytes(12)).toBe("12 B");
  });
});

describe("formatDuration", () => {
  it("gives the two largest units", () => {
    expect(formatDuration(42.4)).toBe("42 s");
    expect(formatDuration(185)).toBe("3 min 05 s");
    expect(formatDuration(7265)).toBe("2 h 01 min");
  });
});

describe("formatTable", () => {
  it("aligns columns", () => {
    const columns = [{ title: "name" }, { title: "n", align: "right" }] as const;
    expect(
      formatTable(columns, [
        ["a", "1"],
        ["bcdef", "10"],
      ]),
    ).toBe("name    n\n─────  ──\na       1\nbcdef  10");
  });
});
