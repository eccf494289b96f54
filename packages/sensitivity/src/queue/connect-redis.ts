import { Redis } from "ioredis";
import { messageOf, SensitivityError } from "../errors.ts";

/** How to get to Redis, and how long to wait for it. */
export interface QueueOptions {
  /** Time that the first connection may take, in milliseconds. Default: 5,000. */
  readonly connectMs?: number;
  /** How long a connection may be away before it is given up, in milliseconds. Default: 10,000. */
  readonly reconnectMs?: number;
  /** All keys in Redis start with it. Default: `ocrslim`. */
  readonly namespace?: string;
}

/** A connection to Redis, and what to say when it fails. */
export interface RedisLink {
  readonly redis: Redis;
  /** The address without a password. */
  readonly address: string;
  readonly namespace: string;
  /** Whether the connection was given up. */
  isLost(): boolean;
  /** The error for a connection that was given up. */
  lost(remedy: string): SensitivityError;
  close(): void;
}

/**
 * Connects to Redis.
 * @throws SensitivityError `invalid-option` if `url` is no `redis://` or `rediss://` address;
 * `queue-unreachable` if there is no answer in time.
 */
export async function connectRedis(
  name: string,
  url: string,
  options: QueueOptions = {},
): Promise<RedisLink> {
  const { connectMs = 5_000, reconnectMs = 10_000, namespace = "ocrslim" } = options;
  const address = describeAddress(name, url);
  let isUp = false;
  let awaySince: number | undefined;
  let lastError: unknown;
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: connectMs,
    // Asked for by BullMQ: a worker's request waits until there is a job.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => {
      if (!isUp) return null;
      awaySince ??= performance.now();
      return performance.now() - awaySince > reconnectMs ? null : Math.min(50 * times, 1_000);
    },
  });
  redis.on("error", (error) => {
    lastError = error;
  });
  redis.on("ready", () => {
    awaySince = undefined;
  });
  try {
    await withTimeout(
      redis.connect().then(() => redis.ping()),
      connectMs,
    );
    isUp = true;
  } catch (error) {
    redis.disconnect();
    throw new SensitivityError(
      "queue-unreachable",
      `${name}: Redis at ${address} cannot be reached: ${messageOf(lastError ?? error)}; check the address, and that redis-server runs there`,
      { cause: lastError ?? error },
    );
  }
  return {
    redis,
    address,
    namespace,
    isLost: () => redis.status === "end",
    lost: (remedy) =>
      new SensitivityError(
        "queue-unreachable",
        `${name}: the connection to Redis at ${address} was lost for more than ${reconnectMs} ms: ${messageOf(lastError ?? "it was closed")}; ${remedy}`,
        { cause: lastError },
      ),
    close: () => redis.disconnect(),
  };
}

function describeAddress(name: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "redis:" && url?.protocol !== "rediss:") {
    throw new SensitivityError(
      "invalid-option",
      `${name}: ${JSON.stringify(text)} is no address of Redis; give one like redis://127.0.0.1:6379`,
    );
  }
  if (url.password) url.password = "***";
  return url.href;
}

async function withTimeout<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
