import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Model } from "@ocrslim/graph";
import { messageOf, RuntimeError } from "../errors.ts";
import type { Feeds } from "../feeds.ts";
import type { Runtime, SessionOptions } from "../types.ts";
import type { KernelEvent } from "./attribute-kernels.ts";

/** @internal A session that writes a profile. */
export interface ProfiledSession {
  run(): Promise<void>;
  /** Ends the session and returns what it wrote. */
  finish(): Promise<readonly KernelEvent[]>;
  /** Ends the session if that has not been done, and removes its files. */
  dispose(): Promise<void>;
}

/** @internal Loads a model for {@link ProfiledSession.run}, which runs it with `feeds`. */
export async function openProfiledSession(
  runtime: Runtime,
  model: Model,
  feeds: Feeds,
  options: SessionOptions,
): Promise<ProfiledSession> {
  const folder = await mkdtemp(join(tmpdir(), "ocrslim-profile-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const session = await runtime.load(model, {
      ...options,
      profilePrefix: join(folder, "profile"),
    });
    return {
      async run() {
        await session.run(feeds);
      },
      async finish() {
        await session.dispose();
        return await readEvents(folder, runtime);
      },
      async dispose() {
        await session.dispose();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function readEvents(folder: string, runtime: Runtime): Promise<readonly KernelEvent[]> {
  const [file] = await readdir(folder);
  if (file === undefined) {
    throw new RuntimeError(
      "unsupported",
      `buildLatencyTable: ${runtime.name} writes no profile; use onnxruntime-node`,
    );
  }
  try {
    const events: unknown = JSON.parse(await readFile(join(folder, file), "utf8"));
    if (Array.isArray(events)) return events;
    throw new TypeError("not an array");
  } catch (cause) {
    throw new RuntimeError(
      "unsupported",
      `buildLatencyTable: the profile of ${runtime.name} can not be read: ${messageOf(cause)}`,
      { cause },
    );
  }
}
