import type { ChannelGroup } from "@ocrslim/graph";
import {
  formatCsv,
  formatPaddleSlimSensitivities,
  listParameterNames,
  type SensitivityReport,
} from "@ocrslim/sensitivity";
import type { CommandContext } from "../../command.ts";
import { assertWritableFile, writeFileAtomically } from "../../output/files.ts";

/** Where a sensitivity file is also written in other forms. */
export interface ExportFlags {
  exportCsv: string | undefined;
  exportPaddleslim: string | undefined;
}

/** Makes sure that the exports can be written, before anything is measured. */
export async function assertExports(context: CommandContext, flags: ExportFlags): Promise<void> {
  for (const path of [flags.exportCsv, flags.exportPaddleslim]) {
    if (path !== undefined) await assertWritableFile(context.path(path));
  }
}

/** Writes the exports. Groups of a model are called by their weights in PaddleSlim's file. */
export async function writeExports(
  context: CommandContext,
  report: SensitivityReport,
  groups: readonly ChannelGroup[],
  flags: ExportFlags,
): Promise<void> {
  const { exportCsv, exportPaddleslim } = flags;
  if (exportCsv !== undefined) {
    await writeFileAtomically(context.path(exportCsv), formatCsv(report));
  }
  if (exportPaddleslim === undefined) return;
  const names = listParameterNames(groups);
  await writeFileAtomically(
    context.path(exportPaddleslim),
    formatPaddleSlimSensitivities(report.curves, { names }),
  );
}
