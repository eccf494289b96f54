import type { PointSpec, SensitivityReport } from "@ocrslim/sensitivity";
import { CliError } from "../../cli-error.ts";
import type { CommandContext } from "../../command.ts";
import { type GroupShare, sensitivityTable, showsUnicode } from "../../output/sensitivity-table.ts";

/** What a report is shown with. */
export interface ShownWith {
  /** The file that it is in, as the user gave it. */
  readonly output: string;
  readonly shares: ReadonlyMap<string, GroupShare>;
  readonly missing: readonly PointSpec[];
}

/** Prints a report: a ranked table, or JSON. */
export function showReport(
  context: CommandContext,
  report: SensitivityReport,
  { output, shares, missing }: ShownWith,
): void {
  const { metric = "metric", baseline, images, skipped } = report;
  context.print(
    sensitivityTable(report, shares, { ascii: !showsUnicode(process.env, process.platform) }),
  );
  context.print(
    `\n${metric} ${baseline.toFixed(4)} on ${images} images unpruned; ${skipped.length} groups skipped`,
  );
  const [first] = missing;
  if (first) {
    context.logger.warn(
      `${missing.length} points are missing, the first is group "${first.group}" at ratio ${first.ratio}; merge the other parts as well, or measure them into this file`,
    );
  }
  context.printJson({ ...report, ...(first ? { missing } : {}), file: output });
}

/** Failed points are in the file, and in the exit code. @throws CliError `unsuitable-data`. */
export function assertAllMeasured({ failed = [] }: SensitivityReport, output: string): void {
  const [first] = failed;
  if (!first) return;
  throw new CliError(
    "unsuitable-data",
    `${failed.length} points could not be measured, the first is group "${first.group}" at ratio ${first.ratio}: ${first.reason}; ${output} lists them, run again to try them again`,
  );
}
