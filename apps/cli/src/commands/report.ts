import { join } from "node:path";
import { type Command, defineCommand } from "../command.ts";
import { assertWritableFile, writeFileAtomically } from "../output/files.ts";
import { readReport } from "../report/read-report.ts";
import { renderReport } from "../report/render-report.ts";

/** `ocrslim report DIR` */
export const report: Command = defineCommand<Record<string, never>>({
  name: "report",
  summary: "Renders report.html of a run folder again, from its report.json.",
  arguments: [{ syntax: "<folder>", description: "A folder that compress wrote." }],
  options: {},
  async run(context, args) {
    const folder = context.path(args[0] ?? "");
    const content = await readReport(join(folder, "report.json"));
    const output = join(folder, "report.html");
    await assertWritableFile(output);
    await writeFileAtomically(output, await renderReport(content, folder));
    context.print(`wrote ${join(args[0] ?? "", "report.html")}`);
    context.printJson({ file: join(args[0] ?? "", "report.html") });
  },
});
