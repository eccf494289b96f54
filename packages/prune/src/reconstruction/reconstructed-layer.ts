/** What became of one layer. */
export interface ReconstructedLayer {
  /** First output name of the node. */
  readonly layer: string;
  readonly method: "least-squares" | "per-channel" | "declined";
  /** Mean squared error over the variance of the targets, before and after. */
  readonly errorBefore?: number;
  readonly errorAfter?: number;
  readonly rows?: number;
  readonly damping?: number;
  readonly reason?: string;
}
