import { expect, it } from "vitest";
import { createTfjsEngine } from "../../src/tfjs/create-tfjs-engine.ts";
import { findTfjs } from "../../src/tfjs/find-tfjs.ts";
import { loadTfjs } from "../../src/tfjs/load-tfjs.ts";

it("tells of each package whether it trains here, and if not, why", async () => {
  const found = await findTfjs();
  expect(found.map(({ name }) => name)).toEqual([
    "@tensorflow/tfjs-node-gpu",
    "@tensorflow/tfjs-node",
    "@tensorflow/tfjs",
  ]);
  expect(found.at(-1)).toMatchObject({ status: "usable", version: "4.22.0" });
  for (const { status, reason, name } of found) {
    if (status === "usable") expect(reason).toBeUndefined();
    else expect(reason).toBeTruthy();
    if (status === "missing") expect(reason).toContain(`npm install ${name}`);
  }
});

it("loads the fastest package that works, without a word", async () => {
  const usable = (await findTfjs()).find(({ status }) => status === "usable");
  const { name, tf } = await loadTfjs();
  expect(name).toBe(usable?.name);
  expect(tf.getBackend()).toBe(usable?.backend);
  const engine = await createTfjsEngine();
  expect(engine.description).toContain(`${name} `);
});
