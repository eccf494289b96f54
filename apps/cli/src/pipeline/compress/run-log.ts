import type { Logger } from "@ocrslim/graph";
import type { CommandContext } from "../../command.ts";

/** Shows what happens and keeps it for `log.txt`. */
export interface RunLog {
  /** Begins a step of the run. */
  step(title: string): void;
  /** Something that the user should read. */
  note(text: string): void;
  readonly logger: Logger;
  /** All lines, with the seconds since the start. */
  text(): string;
}

/** Returns the log of one run of `stepCount` steps. */
export function createRunLog(context: CommandContext, stepCount: number): RunLog {
  const start = performance.now();
  const lines: string[] = [];
  let steps = 0;
  const keep = (text: string): void => {
    lines.push(`${((performance.now() - start) / 1000).toFixed(2).padStart(8)} s  ${text}`);
  };
  return {
    step(title) {
      const text = `[${++steps}/${stepCount}] ${title}`;
      keep(text);
      context.note(text);
    },
    note(text) {
      keep(`      ${text}`);
      context.note(`      ${text}`);
    },
    logger: {
      debug(message) {
        keep(`debug: ${message}`);
        context.logger.debug(message);
      },
      info(message) {
        keep(message);
        context.logger.info(message);
      },
      warn(message) {
        keep(`warning: ${message}`);
        context.logger.warn(message);
      },
      error(message) {
        keep(`error: ${message}`);
        context.logger.error(message);
      },
    },
    text: () => `${lines.join("\n")}\n`,
  };
}
