import type { CommonOptions } from "../command.ts";
import { flag, integerIn, type OptionSpecs, optional, withDefault } from "./option.ts";

/** Options that every command has. */
export const commonOptions: OptionSpecs<CommonOptions> = {
  json: { flags: "--json", description: "Prints one JSON document on stdout.", schema: flag() },
  quiet: { flags: "--quiet", description: "No progress and no notes on stderr.", schema: flag() },
  verbose: { flags: "--verbose", description: "Also what the single steps say.", schema: flag() },
  seed: {
    flags: "--seed <number>",
    description: "Seed of every random choice. Default: 0.",
    schema: withDefault(integerIn(0, 2 ** 31 - 1), 0),
  },
  threads: {
    flags: "--threads <count>",
    description: "Threads of ONNX Runtime. Default: as it chooses.",
    schema: optional(integerIn(1, 1024)),
  },
};
