import { resolve } from "node:path";
import { Command as CommanderCommand, CommanderError, Option } from "commander";
import { CliError } from "./cli-error.ts";
import { type Command, type CommonOptions, createCommandContext } from "./command.ts";
import { commands } from "./commands/index.ts";
import { describeError, type ExitCode, toOneLine } from "./describe-error.ts";
import type { Io } from "./io.ts";
import { commonOptions } from "./options/common-options.ts";
import { readConfig } from "./options/config.ts";
import { mergeOptions } from "./options/merge-options.ts";
import type { OptionSpec } from "./options/option.ts";
import { isOverride, spreadOverrides } from "./options/overrides.ts";
import { createProgress } from "./output/progress.ts";
import { version } from "./version.ts";

type RawOptions = Record<string, unknown>;

function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

function addOption(command: CommanderCommand, spec: OptionSpec<unknown>): void {
  const option = new Option(spec.flags, spec.description);
  if (spec.repeated) option.argParser(collect);
  command.addOption(option);
}

function toOptions<T>(specs: { readonly [K in keyof T]-?: OptionSpec<T[K]> }, raw: RawOptions): T {
  const entries = Object.entries<OptionSpec<unknown>>(specs).map(([key, spec]) => {
    const result = spec.schema.safeParse(raw[key]);
    if (!result.success) {
      throw new CliError(
        "invalid-option",
        `--${key} ${JSON.stringify(raw[key])}: ${result.error.issues[0]?.message}`,
      );
    }
    return [key, result.data];
  });
  return Object.fromEntries(entries) as T;
}

/** All option keys of all commands: a config may serve several of them. */
const knownKeys: ReadonlySet<string> = new Set([
  ...Object.keys(commonOptions),
  ...commands.flatMap((command) => Object.keys(command.options)),
]);

/** Splits the values of `-o` into overrides and the output path. */
function splitOutput(values: readonly string[] | undefined): {
  overrides: string[];
  output: string | undefined;
} {
  const paths = (values ?? []).filter((value) => !isOverride(value));
  if (paths.length > 1) {
    throw new CliError("conflicting-options", `-o ${paths.join(" and -o ")}: give one output path`);
  }
  return { overrides: (values ?? []).filter(isOverride), output: paths[0] };
}

async function execute(
  io: Io,
  command: Command,
  args: readonly string[],
  raw: RawOptions,
): Promise<void> {
  const { config, output, ...flags } = raw;
  const split = splitOutput(output as readonly string[] | undefined);
  const path = config === undefined ? undefined : resolve(io.cwd, config as string);
  const file = await readConfig(path, split.overrides, knownKeys);
  const merged = mergeOptions(file.values, { ...flags, output: split.output });
  const common = toOptions<CommonOptions>(commonOptions, merged);
  if (split.output !== undefined && !("output" in command.options)) {
    throw new CliError("invalid-option", `-o ${split.output}: ${command.name} writes no file`);
  }
  const progress = createProgress({
    stderr: io.stderr,
    isTTY: io.isTTY,
    ...(io.columns === undefined ? {} : { columns: io.columns }),
    quiet: common.quiet,
  });
  const context = createCommandContext(io, common, progress, file.tree);
  for (const warning of file.warnings) context.logger.warn(warning);
  try {
    io.signal?.throwIfAborted();
    await command.execute(context, args, merged);
  } finally {
    progress.close();
  }
}

/** Builds the program; `action` gets what was parsed. */
export function createProgram(
  action: (command: Command, args: readonly string[], raw: RawOptions) => Promise<void>,
): CommanderCommand {
  const program = new CommanderCommand("ocrslim")
    .description("Makes OCR text detectors smaller and faster, on plain ONNX files.")
    .version(version, "-V, --version")
    .exitOverride()
    .showSuggestionAfterError();
  for (const command of commands) {
    const sub = program.command(command.name).description(command.summary);
    for (const argument of command.arguments) sub.argument(argument.syntax, argument.description);
    if ("output" in command.options) {
      const spec = command.options["output"];
      sub.addOption(
        new Option("-o, --output <path>", `${spec?.description} Also: -o Key.sub=value.`).argParser(
          collect,
        ),
      );
    } else {
      sub.addOption(
        new Option(
          "-o, --output <override>",
          "-o Key.sub=value: sets a key of the config.",
        ).argParser(collect),
      );
    }
    for (const [key, spec] of Object.entries(command.options)) {
      if (key !== "output") addOption(sub, spec);
    }
    sub.option("-c, --config <yaml>", "Reads options from a YAML file, also one of PaddleOCR's.");
    for (const spec of Object.values<OptionSpec<unknown>>(commonOptions)) addOption(sub, spec);
    sub.option("--debug", "Shows the stack of an error.");
    if (command.details !== undefined) sub.addHelpText("after", `\n${command.details}`);
    sub.action(async (...parsed: unknown[]) => {
      const values = parsed.slice(0, command.arguments.length);
      const args = values.flat().filter((value) => typeof value === "string");
      const { debug: _debug, ...raw } = sub.opts<RawOptions>();
      await action(command, args, raw);
    });
  }
  return program;
}

function writeError(io: Io, message: string): void {
  io.stderr.write(`error: ${message}\n`);
}

/**
 * Runs the command line. `argv` are the user's arguments, without node and the script. Nothing
 * outside `io` and the files is touched: no process exit, no console, no environment.
 * @returns 0 good, 1 bad input (one line on stderr), 2 a bug of ours, 130 aborted.
 */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const program = createProgram((command, args, raw) => execute(io, command, args, raw));
  const silence = { writeOut: (text: string) => io.stdout.write(text), writeErr: () => {} };
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ ...silence, getOutHelpWidth: () => io.columns ?? 80 });
  }
  if (argv.length === 0) {
    io.stderr.write(program.helpInformation());
    return 1;
  }
  try {
    await program.parseAsync(spreadOverrides(argv), { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      const message = toOneLine(error.message).replace(/^error: /, "");
      writeError(io, `${message}; see ocrslim --help`);
      return 1;
    }
    const description = describeError(error, io.signal);
    writeError(io, description.message);
    if (argv.includes("--debug") && error instanceof Error) io.stderr.write(`${error.stack}\n`);
    return description.exitCode;
  }
}
