/** Takes lines of text; `console` fits. Everything here is silent unless one is given. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** What a long task tells about itself. Events of one task share `task`. */
export type ProgressEvent =
  | {
      readonly kind: "start";
      readonly task: string;
      readonly total?: number;
      readonly unit?: string;
    }
  | {
      readonly kind: "advance";
      readonly task: string;
      readonly done: number;
      readonly total?: number;
      readonly unit?: string;
      readonly detail?: string;
    }
  | { readonly kind: "end"; readonly task: string };

/** What surrounds a run. There is no ambient state: whatever a step may use comes in here. */
export interface RunContext {
  readonly logger: Logger;
  readonly onProgress: (event: ProgressEvent) => void;
  /** Checked between units of work; an aborted task throws `signal.reason`. */
  readonly signal?: AbortSignal;
  /** Uniform numbers in [0, 1), from a seed. */
  readonly random: () => number;
}

/** The options that every long-running function takes; all are optional. */
export type RunOptions = Partial<RunContext>;

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Returns a generator of uniform numbers in [0, 1) (mulberry32, 32 bits of state). The same seed
 * gives the same numbers on every machine.
 */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Fills in what `options` leaves out: silent, no progress, seed 0. */
export function createRunContext(options: RunOptions = {}): RunContext {
  return {
    logger: options.logger ?? silent,
    onProgress: options.onProgress ?? (() => {}),
    random: options.random ?? createRandom(0),
    ...(options.signal ? { signal: options.signal } : {}),
  };
}
