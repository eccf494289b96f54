import { parseArgs } from "node:util";

/** What the command line says. */
export interface Options {
  /** Parts of names of groups, benchmarks or figures; none selects all. */
  readonly filters: readonly string[];
  readonly json: boolean;
  readonly record: boolean;
  readonly list: boolean;
  readonly help: boolean;
  readonly data: string | undefined;
  readonly onnxslim: string | undefined;
  readonly python: string | undefined;
  readonly threads: number | undefined;
}

/** A command line that can't be followed; the message says why. */
export class OptionError extends Error {
  override readonly name = "OptionError";
}

export const USAGE = `npm run bench [-- FILTER… options]

  FILTER…          groups, benchmarks or figures by part of their names; default: all
  --list           names them and measures nothing
  --json           prints one JSON document
  --record         keeps the figures in benchmarks/results and writes the README's tables anew
  --data DIR       labelled sets (sroie, debmake-pages, icdar2015); or OCRSLIM_DATA
  --onnxslim FILE  onnxslim's output for PP-OCRv4 det; or OCRSLIM_ONNXSLIM_DET
  --python PATH    a python with opencv-python-headless, pyclipper, numpy, shapely; or OCRSLIM_PYTHON
  --threads N      threads within one operator; default: all cores
`;

/**
 * Reads the command line; the environment stands in for paths that it leaves out.
 * @throws OptionError for an unknown option or a bad number of threads.
 */
export function readOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): Options {
  const { values, positionals } = parse(argv);
  const threads = values.threads === undefined ? undefined : Number(values.threads);
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) {
    throw new OptionError(`bench: --threads is ${values.threads}; give an integer of 1 or more`);
  }
  return {
    filters: positionals,
    json: values.json,
    record: values.record,
    list: values.list,
    help: values.help,
    data: values.data ?? environment["OCRSLIM_DATA"],
    onnxslim: values.onnxslim ?? environment["OCRSLIM_ONNXSLIM_DET"],
    python: values.python ?? environment["OCRSLIM_PYTHON"],
    threads,
  };
}

const OPTIONS = {
  json: { type: "boolean", default: false },
  record: { type: "boolean", default: false },
  list: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
  data: { type: "string" },
  onnxslim: { type: "string" },
  python: { type: "string" },
  threads: { type: "string" },
} as const;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OptionError(`bench: ${reason}`, { cause });
  }
}
