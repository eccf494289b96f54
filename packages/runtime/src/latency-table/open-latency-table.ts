import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { inferShapes, type Model } from "@ocrslim/graph";
import { messageOf } from "../errors.ts";
import {
  type BuildLatencyTableOptions,
  buildLatencyTable,
  describeTableMachine,
} from "./build-latency-table.ts";
import type { LatencyTable } from "./latency-table.ts";
import { listTimedLayers } from "./list-timed-layers.ts";
import {
  assertSameOrigin,
  listDifferences,
  listUncovered,
  type TableOrigin,
} from "./match-table.ts";
import { mergeTables } from "./merge-tables.ts";
import { readLatencyTable, readLatencyTableIfThere, writeLatencyTable } from "./table-file.ts";

/** Options of {@link openLatencyTable}. */
export interface OpenLatencyTableOptions extends BuildLatencyTableOptions {
  /**
   * A table of one's own, which must be from this machine. It is extended if it lacks layers, and made
   * anew with `remeasure`. Default: a file in `cacheFolder`.
   */
  readonly file?: string;
  /** Default: {@link latencyCacheFolder}. */
  readonly cacheFolder?: string;
  /** Measures again whatever there is. Default: false. */
  readonly remeasure?: boolean;
}

/**
 * The folder for tables: `%LOCALAPPDATA%\ocrslim` on Windows, `~/Library/Caches/ocrslim` on macOS,
 * `$XDG_CACHE_HOME/ocrslim` or `~/.cache/ocrslim` elsewhere.
 */
export function latencyCacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
): string {
  if (platform === "win32") {
    const local = environment["LOCALAPPDATA"] || join(homedir(), "AppData", "Local");
    return join(local, "ocrslim");
  }
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "ocrslim");
  return join(environment["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "ocrslim");
}

/**
 * Gives a latency table that holds for a model on this machine: one that was measured before, by CPU,
 * runtime and its version, execution providers, threads and input shapes, if it has all layers of the
 * model; otherwise it measures ({@link buildLatencyTable}), adds what is new, and writes the file.
 * A cache that can not be read or written costs a warning, not the run.
 * @throws RuntimeError `table-mismatch` if `file` is from other conditions; `malformed-file`,
 *   `file-access` for `file`; and as {@link buildLatencyTable}.
 * @category Analysis
 * @example
 * ```ts
 * const table = await openLatencyTable(model, { runtime, inputShapes });
 * predictLatency(pruned, table, { inputShapes }).medianMs; // → 31.4
 * ```
 */
export async function openLatencyTable(
  model: Model,
  options: OpenLatencyTableOptions,
): Promise<LatencyTable> {
  const { runtime, threads, file, remeasure = false } = options;
  const shapes = inferShapes(
    model,
    options.inputShapes ? { inputShapes: options.inputShapes } : {},
  );
  const origin: TableOrigin = {
    machine: describeTableMachine(runtime, threads),
    inputShapes: shapes.inputShapes,
  };
  const store = file === undefined ? cacheStore(origin, options) : fileStore(file, origin);
  const known = remeasure ? undefined : await store.read();
  if (known && listUncovered(known, listTimedLayers(model, { shapes })).length === 0) return known;
  const measured = await buildLatencyTable(model, options);
  const table = known ? mergeTables(measured, known) : measured;
  await store.write(table);
  return table;
}

interface TableStore {
  read(): Promise<LatencyTable | undefined>;
  write(table: LatencyTable): Promise<void>;
}

function fileStore(file: string, origin: TableOrigin): TableStore {
  return {
    async read() {
      const table = await readLatencyTable(file);
      assertSameOrigin(table, origin, file);
      return table;
    },
    write: (table) => writeLatencyTable(file, table),
  };
}

function cacheStore(origin: TableOrigin, options: OpenLatencyTableOptions): TableStore {
  const path = join(options.cacheFolder ?? latencyCacheFolder(), fileNameOf(origin));
  const warn = (error: unknown): void => options.logger?.warn(messageOf(error));
  return {
    async read() {
      try {
        const table = await readLatencyTableIfThere(path);
        return table && listDifferences(table, origin).length === 0 ? table : undefined;
      } catch (error) {
        warn(error);
        return undefined;
      }
    },
    async write(table) {
      try {
        await writeLatencyTable(path, table);
      } catch (error) {
        warn(error);
      }
    },
  };
}

/** A name for each set of conditions. */
function fileNameOf({ machine, inputShapes }: TableOrigin): string {
  const { cpu, runtime, version, executionProviders, threads } = machine;
  const shapes = Object.entries(inputShapes).sort(([a], [b]) => (a < b ? -1 : 1));
  const key = JSON.stringify([cpu, runtime, version, executionProviders, threads, shapes]);
  return `latency-${createHash("sha256").update(key).digest("hex").slice(0, 16)}.json`;
}
