import { resolve } from "node:path";
import type { Logger, RunOptions } from "@ocrslim/graph";
import { createRandom } from "@ocrslim/graph";
import type { z } from "zod";
import { CliError } from "./cli-error.ts";
import type { Io } from "./io.ts";
import type { OptionSpec, OptionSpecs } from "./options/option.ts";
import type { ConfigTree } from "./options/overrides.ts";
import type { Progress } from "./output/progress.ts";

/** What a command gets beside its arguments and options. */
export interface CommandContext {
  readonly io: Io;
  readonly json: boolean;
  readonly logger: Logger;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
  /** Seed of every random choice. */
  readonly seed: number;
  /** Threads of ONNX Runtime; `undefined`: its own choice. */
  readonly threads: number | undefined;
  /** What `-c` and `-o Key.sub=value` say, unread; empty without them. */
  readonly config: ConfigTree;
  /** Makes a path absolute, from the working folder. */
  path(path: string): string;
  /** Result text on stdout; nothing with `--json`. */
  print(text: string): void;
  /** The one JSON document on stdout; nothing without `--json`. */
  printJson(document: unknown): void;
  /** A note on stderr; nothing with `--quiet`. */
  note(text: string): void;
  /** The options that every long-running function takes, with a fresh random generator. */
  runOptions(): RunOptions;
}

/** A positional argument. */
export interface ArgumentSpec {
  /** As commander has it: `<model>`, `[other]`, `<images...>`. */
  readonly syntax: string;
  readonly description: string;
}

/** A command whose options have been erased to unknown, for the program. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Examples and remarks under the help text. */
  readonly details?: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: Readonly<Record<string, OptionSpec<unknown>>>;
  execute(
    context: CommandContext,
    args: readonly string[],
    rawOptions: Readonly<Record<string, unknown>>,
  ): Promise<void>;
}

/** What a command's file writes down. */
export interface CommandDefinition<T extends object> {
  readonly name: string;
  readonly summary: string;
  readonly details?: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: OptionSpecs<T>;
  run(context: CommandContext, args: readonly string[], options: T): Promise<void>;
}

/** Checks raw option values against their schemas. */
function parseOptions<T extends object>(
  specs: OptionSpecs<T>,
  raw: Readonly<Record<string, unknown>>,
): T {
  const values: Partial<T> = {};
  for (const key of Object.keys(specs) as (keyof T & string)[]) {
    const spec = specs[key];
    const result = spec.schema.safeParse(raw[key]);
    if (!result.success) throw optionError(spec.flags, raw[key], result.error);
    values[key] = result.data;
  }
  return values as T;
}

function optionError(flags: string, value: unknown, error: z.ZodError): CliError {
  const name = /--[\w-]+/.exec(flags)?.[0] ?? flags;
  const message = error.issues[0]?.message ?? "it is not valid";
  if (value === undefined) {
    return new CliError("missing-option", `${name} is required: give ${flags}`);
  }
  return new CliError("invalid-option", `${name} ${JSON.stringify(value)}: ${message}`);
}

/** Returns a command for the program; its `run` gets checked options. */
export function defineCommand<T extends object>(definition: CommandDefinition<T>): Command {
  return {
    name: definition.name,
    summary: definition.summary,
    ...(definition.details === undefined ? {} : { details: definition.details }),
    arguments: definition.arguments,
    options: definition.options as Readonly<Record<string, OptionSpec<unknown>>>,
    execute: (context, args, rawOptions) =>
      definition.run(context, args, parseOptions(definition.options, rawOptions)),
  };
}

/** The options that every command has. */
export interface CommonOptions {
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  seed: number;
  threads: number | undefined;
}

/** Builds the context of one run. */
export function createCommandContext(
  io: Io,
  options: CommonOptions,
  progress: Progress,
  config: ConfigTree = {},
): CommandContext {
  const line = (text: string): void => progress.line(text);
  const logger: Logger = {
    debug: (message) => {
      if (options.verbose) line(message);
    },
    info: (message) => {
      if (!options.quiet) line(message);
    },
    warn: (message) => line(`warning: ${message}`),
    error: (message) => line(`error: ${message}`),
  };
  return {
    io,
    json: options.json,
    logger,
    progress,
    signal: io.signal,
    seed: options.seed,
    threads: options.threads,
    config,
    path: (path) => resolve(io.cwd, path),
    print: (text) => {
      progress.close();
      if (!options.json) io.stdout.write(`${text}\n`);
    },
    printJson: (document) => {
      progress.close();
      if (options.json) io.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
    },
    note: (text) => {
      if (!options.quiet) line(text);
    },
    runOptions: () => ({
      logger,
      onProgress: progress.onProgress,
      random: createRandom(options.seed),
      ...(io.signal ? { signal: io.signal } : {}),
    }),
  };
}
