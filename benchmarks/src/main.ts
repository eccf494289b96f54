import { bench } from "./harness/bench.ts";
import { OptionError } from "./harness/options.ts";
import { benchmarks } from "./tasks.ts";

try {
  process.exitCode = await bench(process.argv.slice(2), benchmarks, {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    environment: process.env,
  });
} catch (error) {
  if (!(error instanceof OptionError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
