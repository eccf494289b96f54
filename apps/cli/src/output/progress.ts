import type { ProgressEvent } from "@ocrslim/graph";
import type { TextWriter } from "../io.ts";
import { formatDuration, toThreeDigits } from "./numbers.ts";

/** Options of {@link createProgress}. */
export interface ProgressOptions {
  readonly stderr: TextWriter;
  /** A moving bar if true, else plain lines. */
  readonly isTTY: boolean;
  /** Width of the terminal in characters. Default: 80. */
  readonly columns?: number;
  /** Prints nothing if true. Default: false. */
  readonly quiet?: boolean;
  /** The clock, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/** Shows how far long tasks are, on stderr. */
export interface Progress {
  readonly onProgress: (event: ProgressEvent) => void;
  /** Writes a whole line, without tearing the bar. */
  line(text: string): void;
  /** Removes the bar. */
  close(): void;
}

interface Task {
  readonly startedAt: number;
  total: number | undefined;
  unit: string;
  /** When a line or bar was last written, and what share was done then. */
  writtenAt: number;
  writtenShare: number;
}

const barIntervalMs = 80;
const lineIntervalMs = 5000;
const lineMinimumMs = 1000;
const lineShare = 0.1;

/** Rate and remaining time of a task, such as `3.2/s · 21 s left`. */
function describeRate(done: number, total: number | undefined, elapsedMs: number): string[] {
  if (done <= 0 || elapsedMs < 200) return [];
  const rate = (done / elapsedMs) * 1000;
  const parts = [`${toThreeDigits(rate)}/s`];
  if (total !== undefined) parts.push(`${formatDuration((total - done) / rate)} left`);
  return parts;
}

function drawBar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return "█".repeat(filled) + "░".repeat(width - filled);
}

/** Returns what draws progress events: a bar on a terminal, at most a line a second elsewhere. */
export function createProgress(options: ProgressOptions): Progress {
  const now = options.now ?? (() => performance.now());
  const columns = options.columns ?? 80;
  const tasks = new Map<string, Task>();
  let barShown = false;

  const clear = (): void => {
    if (barShown) options.stderr.write("\r\x1b[2K");
    barShown = false;
  };

  const show = (name: string, task: Task, done: number, detail: string | undefined): void => {
    const time = now();
    const share = task.total ? done / task.total : 0;
    const rate = describeRate(done, task.total, time - task.startedAt);
    const count = `${done}${task.total === undefined ? "" : `/${task.total}`} ${task.unit}`.trim();
    if (options.isTTY) {
      const finished = task.total !== undefined && done >= task.total;
      if (time - task.writtenAt < barIntervalMs && !finished) return;
      const bar = task.total === undefined ? "" : ` ${drawBar(share, 20)}`;
      const text = `${name}${bar} ${[count, ...rate, detail].filter(Boolean).join(" · ")}`;
      options.stderr.write(`\r\x1b[2K${text.slice(0, columns - 1)}`);
      barShown = true;
    } else {
      const waited = time - task.writtenAt;
      const due = share - task.writtenShare >= lineShare && waited >= lineMinimumMs;
      if (!due && waited < lineIntervalMs) return;
      const percent = task.total === undefined ? "" : ` (${Math.floor(share * 100)} %)`;
      options.stderr.write(`${name}: ${[`${count}${percent}`, ...rate].join(", ")}\n`);
    }
    task.writtenAt = time;
    task.writtenShare = share;
  };

  const onProgress = (event: ProgressEvent): void => {
    if (options.quiet) return;
    if (event.kind === "end") {
      tasks.delete(event.task);
      clear();
      return;
    }
    let task = tasks.get(event.task);
    if (!task || event.kind === "start") {
      const time = now();
      task = { startedAt: time, total: undefined, unit: "", writtenAt: time, writtenShare: 0 };
      tasks.set(event.task, task);
    }
    if (event.total !== undefined) task.total = event.total;
    if (event.unit !== undefined) task.unit = event.unit;
    if (event.kind === "advance") show(event.task, task, event.done, event.detail);
  };

  return {
    onProgress,
    line(text: string): void {
      clear();
      options.stderr.write(`${text}\n`);
    },
    close: clear,
  };
}
