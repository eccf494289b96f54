import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@ocrslim/source"] },
  ssr: { resolve: { conditions: ["@ocrslim/source"] } },
  test: {
    include: [
      "{packages,apps}/*/test/**/*.test.ts",
      "{benchmarks,examples,scripts}/test/**/*.test.ts",
    ],
    setupFiles: ["./scripts/vitest-setup.ts"],
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
