import { type Model, resolveInputShapes } from "@ocrslim/graph";
import { CliError } from "../cli-error.ts";
import { heightAndWidth, type OptionSpecs, optional, textList } from "./option.ts";

/** At which input size a model is looked at. */
export interface ShapeFlags {
  imageShape: readonly [number, number] | undefined;
  inputShape: readonly string[];
}

/** The specs of {@link ShapeFlags}. */
export const shapeOptions: OptionSpecs<ShapeFlags> = {
  imageShape: {
    flags: "--image-shape <height,width>",
    description: "Input size in pixels, where the model leaves it open. Default: 640,640.",
    schema: optional(heightAndWidth()),
  },
  inputShape: {
    flags: "--input-shape <name:dims>",
    description: "Dims of one input, such as x:1,3,640,640. Repeatable.",
    schema: textList(0),
    repeated: true,
  },
};

/** Input size if none is given, as PaddleOCR counts MACs. */
const defaultSize: readonly [number, number] = [640, 640];

function parseInputShape(text: string): [string, number[]] {
  const split = text.lastIndexOf(":");
  const dims = text
    .slice(split + 1)
    .split(",")
    .map((dim) => Number(dim.trim()));
  const valid = dims.every((dim) => Number.isSafeInteger(dim) && dim > 0);
  if (split < 1 || !valid) {
    throw new CliError(
      "invalid-option",
      `--input-shape ${JSON.stringify(text)}: it must be an input's name and its dims, such as x:1,3,640,640`,
    );
  }
  return [text.slice(0, split), dims];
}

/** Returns the dims of every input of a model, by name. */
export function toInputShapes(
  model: Model,
  flags: ShapeFlags,
): Readonly<Record<string, readonly number[]>> {
  const given = Object.fromEntries(flags.inputShape.map(parseInputShape));
  for (const name of Object.keys(given)) {
    if (!model.graph.inputs.some((input) => input.name === name)) {
      const names = model.graph.inputs.map((input) => input.name).join(", ");
      throw new CliError(
        "invalid-option",
        `--input-shape ${name}: the model has no such input; its inputs are ${names}`,
      );
    }
  }
  return resolveInputShapes(model, { size: flags.imageShape ?? defaultSize, inputShapes: given });
}
