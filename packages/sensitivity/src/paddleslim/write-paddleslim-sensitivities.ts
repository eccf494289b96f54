import type { LossCurve } from "@ocrslim/graph";
import { createPickleWriter } from "@ocrslim/pickle";
import { messageOf, SensitivityError } from "../errors.ts";

/** Options of {@link formatPaddleSlimSensitivities}. */
export interface WritePaddleSlimOptions {
  /**
   * The Paddle parameter of a group, by group id; {@link listParameterNames} finds them where the
   * model kept the names. Default: none, a group is called by its id.
   */
  readonly names?: Readonly<Record<string, string>>;
}

/**
 * Curves as the bytes of a file that PaddleSlim's `load_sensitivities` and `get_ratios_by_loss` take:
 * a pickled dict (protocol 3) of losses by ratio by parameter, as its static analysis writes.
 * @throws SensitivityError `contradiction` if two groups have the same name.
 */
export function formatPaddleSlimSensitivities(
  curves: readonly LossCurve[],
  options: WritePaddleSlimOptions = {},
): Uint8Array {
  const names = new Map(Object.entries(options.names ?? {}));
  const used = new Map<string, string>();
  const writer = createPickleWriter();
  writer.dict(() => {
    for (const { group, points } of curves) {
      const name = names.get(group) ?? group;
      const other = used.get(name);
      if (other !== undefined) {
        throw new SensitivityError(
          "contradiction",
          `formatPaddleSlimSensitivities: groups "${other}" and "${group}" are both called "${name}"; give them different names`,
          { group },
        );
      }
      used.set(name, group);
      writer.text(name);
      writer.dict(() => {
        for (const { ratio, loss } of points) {
          writer.float(ratio);
          writer.float(loss);
        }
      });
    }
  });
  return writer.finish();
}

/**
 * Writes a file as {@link formatPaddleSlimSensitivities} makes it, through a temporary file that is
 * renamed.
 * @throws SensitivityError `contradiction`; `file-access` if it can not be written.
 */
export async function writePaddleSlimSensitivities(
  path: string,
  curves: readonly LossCurve[],
  options: WritePaddleSlimOptions = {},
): Promise<void> {
  const { rename, rm, writeFile } = await import("node:fs/promises");
  const bytes = formatPaddleSlimSensitivities(curves, options);
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new SensitivityError(
      "file-access",
      `writePaddleSlimSensitivities: ${path}: ${messageOf(cause)}`,
      { file: path, cause },
    );
  }
}
