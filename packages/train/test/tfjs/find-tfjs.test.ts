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

it("falls back on the next package, and tells what is wrong with those before", async () => {
  const { tf } = await loadTfjs();
  const { name, broken } = await loadTfjs(async (wanted) => {
    if (wanted === "@tensorflow/tfjs-node-gpu") throw new Error("libcudart.so.11.0\nat …");
    if (wanted === "@tensorflow/tfjs-node") throw missing(wanted);
    return tf;
  });
  expect(name).toBe("@tensorflow/tfjs");
  expect(broken).toEqual([{ name: "@tensorflow/tfjs-node-gpu", reason: "libcudart.so.11.0" }]);
});

it("says what to install where there is nothing", async () => {
  const refused = loadTfjs((wanted) => Promise.reject(missing(wanted)));
  await expect(refused).rejects.toMatchObject({ code: "missing-engine" });
  await expect(refused).rejects.toThrow("npm install @tensorflow/tfjs-node ");
});

function missing(name: string): Error {
  const error = new Error(`Cannot find package '${name}' imported from here`);
  return Object.assign(error, { code: "ERR_MODULE_NOT_FOUND" });
}
