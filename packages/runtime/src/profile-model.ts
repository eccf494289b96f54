import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Model, RunOptions } from "@ocrslim/graph";
import { messageOf, RuntimeError } from "./errors.ts";
import type { Feeds } from "./feeds.ts";
import { type ModelProfile, type ProfileEvent, summarizeProfile } from "./profile-events.ts";
import type { Runtime, SessionOptions } from "./types.ts";

/** Options of {@link profileModel}. */
export interface ProfileOptions extends RunOptions, Omit<SessionOptions, "profilePrefix"> {
  readonly feeds: Feeds;
  /** Runs that are counted, 1 or more. Default: 10. */
  readonly runs?: number;
  /** Runs before that are not counted, 0 or more. Default: 2. */
  readonly warmup?: number;
}

/**
 * Tells where the time of a model goes, from ONNX Runtime's own profile: by node as it is run, after
 * fusion and layout changes. Profiling costs time itself; compare shares, and use
 * {@link measureLatency} for totals. The temporary file is removed.
 * @throws RuntimeError `unsupported` if the runtime writes no profile; `invalid-feed`; `load-failed`.
 */
export async function profileModel(
  runtime: Runtime,
  model: Model | Uint8Array | string,
  options: ProfileOptions,
): Promise<ModelProfile> {
  const { feeds, runs = 10, warmup = 2, threads, optimization, signal } = options;
  if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(warmup) || warmup < 0) {
    throw new RuntimeError(
      "invalid-option",
      `profileModel: runs ${runs} and warmup ${warmup} must be integers of at least 1 and 0`,
    );
  }
  const folder = await mkdtemp(join(tmpdir(), "ocrslim-profile-"));
  try {
    {
      await using session = await runtime.load(model, {
        profilePrefix: join(folder, "profile"),
        ...(threads === undefined ? {} : { threads }),
        ...(optimization === undefined ? {} : { optimization }),
      });
      for (let run = 0; run < warmup + runs; run++) {
        signal?.throwIfAborted();
        await session.run(feeds);
      }
    }
    return summarizeProfile(await readEvents(folder, runtime), warmup);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readEvents(folder: string, runtime: Runtime): Promise<readonly ProfileEvent[]> {
  const [file] = await readdir(folder);
  if (file === undefined) {
    throw new RuntimeError("unsupported", `profileModel: ${runtime.name} wrote no profile`);
  }
  try {
    const events: unknown = JSON.parse(await readFile(join(folder, file), "utf8"));
    if (Array.isArray(events)) return events;
    throw new TypeError("not an array");
  } catch (cause) {
    throw new RuntimeError(
      "unsupported",
      `profileModel: the profile of ${runtime.name} can not be read: ${messageOf(cause)}`,
      { cause },
    );
  }
}
