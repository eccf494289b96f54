import {
  integerIn,
  type OptionSpec,
  type OptionSpecs,
  optional,
  text,
  textList,
  withDefault,
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

/** Crops that a refit is fitted on, if nothing else is said: more gain little. */
const defaultCrops = 32;

/** `--crops`. */
export const cropsOption: OptionSpec<number> = {
  flags: "--crops <count>",
  description: `Crops of the calibration pictures, at most 480×480 pixels, that a refit is fitted on. Default: ${defaultCrops}.`,
  schema: withDefault(integerIn(1, 100_000), defaultCrops),
};

/** `-o PATH`, required. */
export function outputOption(description: string): OptionSpec<string> {
  return { flags: "-o, --output <path>", description, schema: text() };
}
