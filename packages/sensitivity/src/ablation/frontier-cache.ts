import type { Model } from "@ocrslim/graph";
import type { Feeds, Runtime, RuntimeTensor, Session } from "@ocrslim/runtime";
import { extractPrefix } from "./suffix-model.ts";

/*
 * The values that variants start from, kept by image. They are computed node by node, without ONNX
 * Runtime's optimizations: so a value has the same bytes wherever the computation began, and what is
 * measured does not depend on what was kept, nor on the order in which groups are measured. (Fusions
 * depend on where a graph is cut, and round differently.) Frontiers of successive groups follow each
 * other through the model, so that each is mostly computed from the one before: a whole sweep runs
 * the unoptimized baseline about once per image.
 */

/** Values by name, of one image. */
type Values = Readonly<Record<string, RuntimeTensor>>;

/** Options of {@link createFrontierCache}. */
export interface FrontierCacheOptions {
  readonly baseline: Model;
  readonly runtime: Runtime;
  /** What the model is fed for an image. */
  readonly feeds: (image: number) => Promise<Feeds> | Feeds;
  /** Bytes of values that are kept at most. */
  readonly memoryLimit: number;
}

/** Some values of the baseline, for any image. */
export interface Frontier {
  values(image: number): Promise<Values>;
  /** Lets its values go when room is needed, and frees the sessions that computed them. */
  release(): Promise<void>;
}

export interface FrontierCache {
  /** Bytes of the values that are kept. */
  readonly bytes: number;
  /** Computed values and inputs of the baseline by name. Nothing is computed before it is asked for. */
  open(names: readonly string[]): Frontier;
}

interface ImageEntry {
  readonly values: Map<string, RuntimeTensor>;
  /** When it was last asked for. */
  used: number;
}

/** Makes an empty cache. */
export function createFrontierCache(options: FrontierCacheOptions): FrontierCache {
  const { baseline, runtime, memoryLimit } = options;
  const entries = new Map<number, ImageEntry>();
  const pins = new Map<string, number>();
  let bytes = 0;
  let clock = 0;

  const entryOf = (image: number): ImageEntry => {
    const entry = entries.get(image) ?? { values: new Map(), used: 0 };
    entries.set(image, entry);
    entry.used = ++clock;
    return entry;
  };
  const drop = (entry: ImageEntry, name: string): void => {
    bytes -= sizeOf(entry.values.get(name));
    entry.values.delete(name);
  };
  const makeRoom = (needed: number): boolean => {
    const oldest = [...entries.values()].toSorted((a, b) => a.used - b.used);
    for (const entry of oldest) {
      if (bytes + needed <= memoryLimit) return true;
      for (const name of [...entry.values.keys()]) if (!pins.has(name)) drop(entry, name);
    }
    return bytes + needed <= memoryLimit;
  };
  /** Keeps values if there is room; those of one image stay or go together. */
  const keep = (image: number, values: Values): void => {
    const entry = entryOf(image);
    const fresh = Object.entries(values).filter(([name]) => !entry.values.has(name));
    const needed = fresh.reduce((sum, [, tensor]) => sum + sizeOf(tensor), 0);
    if (!makeRoom(needed)) return;
    for (const [name, tensor] of fresh) entry.values.set(name, tensor);
    bytes += needed;
  };

  return {
    get bytes() {
      return bytes;
    },
    open(names) {
      for (const name of names) pins.set(name, (pins.get(name) ?? 0) + 1);
      const sessions = new Map<string, Promise<Session>>();
      const running = new Map<number, Promise<Values>>();
      const sessionFor = (inputs: readonly string[], outputs: readonly string[]) => {
        const key = JSON.stringify([inputs, outputs]);
        const known = sessions.get(key);
        if (known) return known;
        const prefix = extractPrefix(baseline, inputs, outputs);
        const session = runtime.load(prefix, { optimization: "disabled" });
        sessions.set(key, session);
        return session;
      };
      const compute = async (image: number): Promise<Values> => {
        const known = Object.fromEntries(entryOf(image).values);
        const missing = names.filter((name) => !known[name]);
        if (missing.length === 0) return pick(known, names);
        const sources = findSources(baseline, missing, known);
        const lacksFeeds = sources.some((name) => !known[name]);
        const feeds = lacksFeeds ? await options.feeds(image) : {};
        const at: Values = { ...feeds, ...known };
        const computed = missing.filter((name) => !at[name]);
        let found: Values = {};
        if (computed.length > 0) {
          const session = await sessionFor(sources, computed);
          found = await session.run(pick(at, sources), computed);
        }
        const values = pick({ ...at, ...found }, names);
        keep(image, values);
        // Feeds serve the next group too, if there is room for them as well.
        if (lacksFeeds) keep(image, feeds);
        return values;
      };
      return {
        values(image) {
          const known = running.get(image);
          if (known) return known;
          const task = compute(image).finally(() => running.delete(image));
          running.set(image, task);
          return task;
        },
        async release() {
          for (const name of names) {
            const count = (pins.get(name) ?? 1) - 1;
            if (count > 0) pins.set(name, count);
            else pins.delete(name);
          }
          const loaded = await Promise.allSettled(sessions.values());
          sessions.clear();
          await Promise.all(
            loaded.map((each) => (each.status === "fulfilled" ? each.value.dispose() : undefined)),
          );
        },
      };
    },
  };
}

/** What values are computed from: known ones as late as possible, and inputs of the model. */
function findSources(model: Model, names: readonly string[], known: Values): readonly string[] {
  const sources = new Set<string>();
  const visited = new Set<string>();
  const waiting = [...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (visited.has(name)) continue;
    visited.add(name);
    const value = model.graph.value(name);
    if (known[name] || (value?.isGraphInput && !value.isInitializer)) sources.add(name);
    else for (const input of value?.producer?.inputs ?? []) if (input) waiting.push(input.name);
  }
  return [...sources].toSorted();
}

function pick(values: Values, names: readonly string[]): Values {
  return Object.fromEntries(
    names.flatMap((name) => {
      const tensor = values[name];
      return tensor ? [[name, tensor] as const] : [];
    }),
  );
}

function sizeOf(tensor: RuntimeTensor | undefined): number {
  const data = tensor?.data;
  return data !== undefined && "byteLength" in data ? data.byteLength : 0;
}
