import { readFileSync } from "node:fs";

/** The content of a JSON file in `test/fixtures`. */
export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(fixtureUrl(name), "utf8")) as T;
}

export function fixtureUrl(name: string): URL {
  return new URL(`./fixtures/${name}`, import.meta.url);
}

/** The elements of a two-dimensional float32 `.npy` file. */
export function readNpy(path: string): { data: Float32Array; height: number; width: number } {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  const shape = /'shape': \((\d+), (\d+)/.exec(bytes.subarray(10, start).toString());
  const data = new Float32Array(Uint8Array.from(bytes.subarray(start)).buffer);
  return { data, height: Number(shape?.[1]), width: Number(shape?.[2]) };
}
