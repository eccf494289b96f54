import {
  countRemoved,
  listMissing,
  mergeSensitivities,
  type PointSpec,
  readSensitivities,
  type SensitivityReport,
  writeSensitivities,
} from "@ocrslim/sensitivity";
import type { CommandContext } from "../../command.ts";

/** Unites sensitivity files into one, which may be one of them. */
export async function mergeFiles(
  context: CommandContext,
  files: readonly string[],
  output: string,
): Promise<SensitivityReport> {
  const reports: SensitivityReport[] = [];
  for (const file of files) reports.push(await readSensitivities(context.path(file)));
  const merged = mergeSensitivities(reports);
  await writeSensitivities(output, merged);
  return merged;
}

/**
 * The points that curves lack: every curve is to have the ratios that any of them has. None are
 * missing where a limit decided which ones to measure.
 */
export function listGaps(report: SensitivityReport): readonly PointSpec[] {
  const measured = report.curves.flatMap(({ points }) => points);
  if (measured.some(({ isDecidedEarly }) => isDecidedEarly)) return [];
  const ratios = [...measured, ...(report.failed ?? [])].map(({ ratio }) => ratio);
  const ascending = [...new Set(ratios)].toSorted((a, b) => a - b);
  const points = report.curves.flatMap(({ group, width }) =>
    ascending.map((ratio): PointSpec => {
      const removed = countRemoved(width, ratio, report.channelMultiple);
      return { group, width, ratio, removed };
    }),
  );
  return listMissing(report, points);
}
