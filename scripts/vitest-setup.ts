import { beforeEach, vi } from "vitest";

// A library that writes to the console annoys every program that uses it: any call fails the test.
beforeEach(() => {
  for (const method of ["log", "info", "warn", "error", "debug"] as const) {
    vi.spyOn(console, method).mockImplementation((...values: unknown[]) => {
      throw new Error(`console.${method} was called: ${values.map(String).join(" ")}`);
    });
  }
});
