import { describe, expect, it } from "vitest";
import { commands } from "../src/commands/index.ts";
import { createProgram } from "../src/run.ts";

/** All help texts as one Markdown file. */
function renderReference(): string {
  const program = createProgram(async () => {});
  const sections = program.commands.map((command) => {
    command.configureOutput({ getOutHelpWidth: () => 96 });
    const details = commands.find(({ name }) => name === command.name())?.details;
    const help = `${command.helpInformation()}${details ? `\n${details}\n` : ""}`;
    return `## ${command.name()}\n\n\`\`\`text\n${help.trimEnd()}\n\`\`\`\n`;
  });
  return `# Commands of ocrslim\n\nMade from the help texts; \`npx vitest run apps/cli/test/commands-reference.test.ts -u\` makes it again.\n\n${sections.join("\n")}`;
}

describe("COMMANDS.md", () => {
  it("holds the help text of every command", async () => {
    await expect(renderReference()).toMatchFileSnapshot("../COMMANDS.md");
  });
});
