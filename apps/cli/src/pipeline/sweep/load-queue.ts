import { CliError } from "../../cli-error.ts";

/**
 * Loads what queues take: only who uses one has it installed.
 * @throws CliError `missing-option` if the packages are not there.
 */
export async function loadQueue(): Promise<typeof import("@ocrslim/sensitivity/queue")> {
  try {
    return await import("@ocrslim/sensitivity/queue");
  } catch (cause) {
    if (!(cause instanceof Error) || !/bullmq|ioredis/.test(cause.message)) throw cause;
    throw new CliError(
      "missing-option",
      "--queue needs the packages bullmq and ioredis: npm install bullmq ioredis",
      { cause },
    );
  }
}
