/** Takes text; `process.stdout` and `process.stderr` fit. */
export interface TextWriter {
  write(text: string): unknown;
}

/** What a run of the command line may touch outside its files. */
export interface Io {
  /** Results: a table, or with `--json` one JSON document. */
  readonly stdout: TextWriter;
  /** Progress, notes, warnings and errors. */
  readonly stderr: TextWriter;
  /** Whether stderr is a terminal: a moving bar instead of plain lines. */
  readonly isTTY: boolean;
  /** Width of the terminal in characters. Default: 80. */
  readonly columns?: number;
  /** Relative paths start here. */
  readonly cwd: string;
  /** Aborts the run: temporaries are removed and the exit code is 130. */
  readonly signal?: AbortSignal;
}
