import {
  integerIn,
  type OptionSpec,
  type OptionSpecs,
  optional,
  text,
  textList,
} from "./option.ts";

/** Where the pictures are. */
export interface DataFlags {
  data: readonly string[];
  imageRoot: string | undefined;
}

const dataDescription =
  "A PaddleOCR label file, an ICDAR ground-truth folder, a folder of pictures, or one picture. Repeatable.";

/** The specs of {@link DataFlags}, `--data` being required. */
export const dataOptions: OptionSpecs<DataFlags> = {
  data: {
    flags: "--data <path>",
    description: dataDescription,
    schema: textList(1),
    repeated: true,
  },
  imageRoot: {
    flags: "--image-root <folder>",
    description: "Folder that the paths in label files start from. Default: the label file's.",
    schema: optional(text()),
  },
};

/** `--data` where a command can do without it. */
export const optionalData: OptionSpec<readonly string[]> = {
  flags: "--data <path>",
  description: dataDescription,
  schema: textList(0),
  repeated: true,
};

/** `--images`, with what it limits. */
export function imagesOption(description: string): OptionSpec<number | undefined> {
  return { flags: "--images <count>", description, schema: optional(integerIn(1, 1_000_000)) };
}

/** `-o PATH`, required. */
export function outputOption(description: string): OptionSpec<string> {
  return { flags: "-o, --output <path>", description, schema: text() };
}
