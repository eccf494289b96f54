import { readFileSync } from "node:fs";

/**
 * Most bytes this process ever had in memory. Linux's getrusage would count the parent's before
 * exec; /proc does not.
 */
export function readPeakBytes(): number {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}
