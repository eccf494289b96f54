import { open } from "node:fs/promises";
import type { ChannelGroup, LossCurve, Model } from "@ocrslim/graph";
import {
  hashModel,
  readPaddleSlimSensitivities,
  readSensitivities,
  toLossCurves,
} from "@ocrslim/sensitivity";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command.ts";

/**
 * Reads the curves of `--sensitivity`: a sensitivity file, which must be of this model, or a pickle of
 * PaddleSlim's, whose parameters must be constants of this model.
 * @throws CliError `unsuitable-model`; SensitivityError if the file is neither.
 */
export async function readCurves(
  context: CommandContext,
  model: Model,
  groups: readonly ChannelGroup[],
  name: string,
): Promise<readonly LossCurve[]> {
  const path = context.path(name);
  if (!(await isPickle(path))) {
    const report = await readSensitivities(path);
    if (report.modelHash === (await hashModel(model))) return report.curves;
    throw new CliError(
      "unsuitable-model",
      `--sensitivity ${name}: was measured on another model; run sensitivity on this one`,
    );
  }
  const { curves, unmatched, repeated } = toLossCurves(
    await readPaddleSlimSensitivities(path),
    groups,
  );
  if (curves.length === 0) {
    throw new CliError(
      "unsuitable-model",
      `--sensitivity ${name}: none of its parameters (${unmatched.slice(0, 3).join(", ")}, …) is a weight of this model; export the model with Paddle's names`,
    );
  }
  for (const [list, what] of [
    [unmatched, "are not in the model, their losses are not used"],
    [repeated, "share their channels with one before them, whose losses are used"],
  ] as const) {
    if (list.length > 0) {
      context.logger.warn(
        `--sensitivity ${name}: ${list.length} parameters (${list[0]}, …) ${what}`,
      );
    }
  }
  return curves;
}

/** Whether a file begins like a pickle: not like JSON. */
async function isPickle(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (!file) return false;
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(64), 0, 64, 0);
    const start = buffer.subarray(0, bytesRead).toString("latin1").trimStart();
    return /^(\x80|\(d|c|\()/.test(start);
  } finally {
    await file.close();
  }
}
