/** What became of one layer. */
export interface ReconstructedLayer {
  /** First output name of the node. */
  readonly layer: string;
  /**
   * `least-squares`: weight and bias refitted; `per-channel`: a gain and a bias for each channel;
   * `bias`: only the mean was made right, since a refit was not possible for the reason given;
   * `declined`: nothing was changed.
   */
  readonly method: "least-squares" | "per-channel" | "bias" | "declined";
  /** Mean squared error over the variance of the targets, before and after. */
  readonly errorBefore?: number;
  readonly errorAfter?: number;
  /** Rows that the fit saw. */
  readonly rows?: number;
  /** Pull towards the old weights that was used, as a share of the mean variance of the inputs. */
  readonly damping?: number;
  readonly reason?: string;
}
