import { messageOf, SensitivityError } from "./errors.ts";

/** Options of {@link withFileLock}. */
export interface FileLockOptions {
  /**
   * A lock whose holder gave no sign of life for so long is taken away from it, in milliseconds. A
   * holder on this host that no longer runs loses it at once. Default: 10,000.
   */
  readonly staleMs?: number;
  /** How long to wait for others, in milliseconds. Default: 60,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A lock that is held. */
export interface FileLock {
  /** Whether it still is: a process that slept for long may have lost it. */
  isHeld(): Promise<boolean>;
}

/** What a lock file says of its holder. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Tells this lock from any other. */
  readonly token: string;
}

const RETRY_MS = 15;

/**
 * Runs `action` while no other process (and no other call) does so for the same path. The lock is a
 * file `PATH.lock` that only one can create; its holder renews its time, and what a crashed holder
 * left is recovered.
 * @throws SensitivityError `file-access` if the lock can not be created, or others hold it for too
 * long; whatever `action` throws.
 */
export async function withFileLock<T>(
  path: string,
  action: (lock: FileLock) => Promise<T>,
  options: FileLockOptions = {},
): Promise<T> {
  const { rm, utimes } = await import("node:fs/promises");
  const lockPath = `${path}.lock`;
  const { staleMs = 10_000 } = options;
  const token = await acquire(lockPath, { ...options, staleMs });
  const isHeld = async (): Promise<boolean> => (await readHolder(lockPath))?.token === token;
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(lockPath, now, now).catch(() => {});
  }, staleMs / 4);
  heartbeat.unref();
  try {
    return await action({ isHeld });
  } finally {
    clearInterval(heartbeat);
    if (await isHeld()) await rm(lockPath, { force: true });
  }
}

/** Waits until the lock file could be created. Returns its token. */
async function acquire(
  lockPath: string,
  { staleMs, timeoutMs = 60_000, signal }: FileLockOptions & { readonly staleMs: number },
): Promise<string> {
  const { hostname } = await import("node:os");
  const host = hostname();
  const mine: Holder = { pid: process.pid, host, token: crypto.randomUUID() };
  const start = performance.now();
  // Whether a lock is renewed is told by its changes: clocks of several machines may differ.
  let seen = { state: "", since: start };
  while (!(await createExclusively(lockPath, JSON.stringify(mine)))) {
    signal?.throwIfAborted();
    const now = performance.now();
    const state = await stateOf(lockPath);
    if (state !== seen.state) seen = { state, since: now };
    const other = await readHolder(lockPath);
    const isCrashed = other?.host === host && !isRunning(other.pid);
    if (isCrashed || now - seen.since > staleMs) await recover(lockPath, state, staleMs);
    if (now - start > timeoutMs) {
      throw new SensitivityError(
        "file-access",
        `withFileLock: ${lockPath} is held by process ${other?.pid ?? "unknown"} on ${other?.host ?? "unknown"} for more than ${timeoutMs} ms; end it, or remove the file if there is no such process`,
        { file: lockPath },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return mine.token;
}

/** Whether the file was created; false if it was there already. */
async function createExclusively(path: string, text: string): Promise<boolean> {
  const { writeFile } = await import("node:fs/promises");
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") return false;
    throw new SensitivityError("file-access", `withFileLock: ${path}: ${messageOf(cause)}`, {
      file: path,
      cause,
    });
  }
}

/**
 * Removes a stale lock. Of several that see it stale, one at a time may do so, and looks again
 * first: otherwise the second would remove the lock that the first has created since.
 */
async function recover(lockPath: string, state: string, staleMs: number): Promise<void> {
  const { rm, stat } = await import("node:fs/promises");
  const guard = `${lockPath}.recovery`;
  if (!(await createExclusively(guard, ""))) {
    // A recovery takes no time: one that is old was killed in the middle.
    const found = await stat(guard).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > 3 * staleMs) await rm(guard, { force: true });
    return;
  }
  try {
    if ((await stateOf(lockPath)) === state) await rm(lockPath, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/** What changes with each renewal and each holder; empty if there is no lock. */
async function stateOf(lockPath: string): Promise<string> {
  const { stat } = await import("node:fs/promises");
  const found = await stat(lockPath).catch(() => undefined);
  return found ? `${found.ino} ${found.mtimeMs} ${(await readHolder(lockPath))?.token}` : "";
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code !== "ESRCH";
  }
}

/** `undefined` if there is no lock, or its holder has not written it yet. */
async function readHolder(lockPath: string): Promise<Holder | undefined> {
  const { readFile } = await import("node:fs/promises");
  try {
    const holder: unknown = JSON.parse(await readFile(lockPath, "utf8"));
    return isHolder(holder) ? holder : undefined;
  } catch {
    return undefined;
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== "object" || value === null) return false;
  const { pid, host, token } = value as Readonly<Record<keyof Holder, unknown>>;
  return (
    Number.isSafeInteger(pid) &&
    Number(pid) > 0 &&
    typeof host === "string" &&
    typeof token === "string"
  );
}
