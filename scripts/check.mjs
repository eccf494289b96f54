// Every check, in the order in which a failure is cheapest to find. The closing line counts the
// vitest tests; any other failing check makes the exit code 1 and is named above it.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { install, run } from "./lib.mjs";

const failures = [];

function check(name, command, args) {
  const start = performance.now();
  const code = run(command, args);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok  " : "FAIL"} ${name} (${seconds} s)\n`);
  if (code !== 0) failures.push(name);
}

install();
check("format and lint", "biome", ["ci", "--error-on-warnings", "."]);
check("types", "turbo", ["run", "typecheck", "--output-logs=errors-only"]);
check("package boundaries", "node", ["scripts/boundaries.mjs"]);
check("unused code and dependencies", "knip", []);
check("build", "turbo", ["run", "build", "--output-logs=errors-only"]);

const folder = mkdtempSync(join(tmpdir(), "ocrslim-check-"));
const report = join(folder, "vitest.json");
check("tests", "vitest", [
  "run",
  "--reporter=dot",
  "--reporter=json",
  `--outputFile.json=${report}`,
]);
let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numFailedTestSuites } =
    JSON.parse(readFileSync(report, "utf8"));
  // A file that fails to load has no tests to count.
  const failed =
    numFailedTests === 0 && numFailedTestSuites > 0 ? numFailedTestSuites : numFailedTests;
  counts = { passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests };
} catch {
  failures.push("test report");
}
rmSync(folder, { recursive: true, force: true });

if (failures.length > 0) console.log(`Failed checks: ${failures.join(", ")}`);
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
process.exit(failures.length > 0 ? 1 : 0);
