import { appendFileSync } from "node:fs";
import { buildRandomModel, randomModel } from "@ocrslim/test-utils";
import fc from "fast-check";
import { it } from "vitest";
import { createRandom, encodeModel } from "../../src/index.ts";
import { examine } from "./examine.ts";
import { mutateFields } from "./mutate-fields.ts";
it("collect", async () => {
  const seen = new Map<string, number>();
  const descriptions = fc.sample(randomModel({ maxOps: 10 }), { numRuns: 150, seed: 99 });
  for (const [index, d] of descriptions.entries()) {
    const bytes = new Uint8Array(encodeModel(buildRandomModel(d)));
    for (let s = 0; s < 40; s++) {
      const t = Date.now();
      try { await examine(mutateFields(bytes, createRandom(index * 1000 + s))); } catch (e) {
        const key = (e as Error).stack?.split("\n").slice(0, 4).join(" | ") ?? "";
        if (!seen.has(key)) appendFileSync("/tmp/crashes.txt", `${index}/${s} ${key}\n`);
        seen.set(key, 1);
      }
      if (Date.now() - t > 1500) appendFileSync("/tmp/crashes.txt", `SLOW ${index}/${s} ${Date.now() - t}\n`);
    }
  }
}, 280_000);
