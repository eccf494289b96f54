import { join } from "node:path";
import type { SensitivityReport } from "@ocrslim/sensitivity";
import { writeFileAtomically } from "../output/files.ts";
import type { GroupShare } from "../output/sensitivity-table.ts";
import { curvesPlot } from "./plots/curves-plot.ts";
import { type ModelTotals, mapPlot } from "./plots/map-plot.ts";
import { renderSvg } from "./plots/render-svg.ts";
import { renderSensitivityPage } from "./plots/sensitivity-page.ts";

/**
 * Writes pictures of a sensitivity report into a folder that exists: `curves.svg`, `map.svg` (loss
 * against milliseconds saved where latency shares and the model's own latency are known, else
 * against the share saved), and `sensitivity.html` with both and all numbers. Needs nothing from
 * outside, and gives the same bytes for the same report. Returns the paths.
 * @throws CliError `unwritable-output`.
 */
export async function writeSensitivityPlots(
  report: SensitivityReport,
  shares: ReadonlyMap<string, GroupShare>,
  folder: string,
  totals: ModelTotals = {},
): Promise<readonly string[]> {
  const curves = await renderSvg(curvesPlot(report, shares));
  const map = await renderSvg(mapPlot(report, shares, totals));
  const page = renderSensitivityPage(report, shares, { curves, map });
  const files = [
    ["curves.svg", curves],
    ["map.svg", map],
    ["sensitivity.html", page],
  ] as const;
  const paths: string[] = [];
  for (const [name, content] of files) {
    const path = join(folder, name);
    await writeFileAtomically(path, content);
    paths.push(path);
  }
  return paths;
}
