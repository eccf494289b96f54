/** One thing that is wrong with a model, as data. */
export interface Issue {
  readonly severity: "error" | "warning";
  /** Such as `duplicate-name`; branch on this. */
  readonly code: string;
  readonly message: string;
  readonly node?: string;
  readonly value?: string;
}
