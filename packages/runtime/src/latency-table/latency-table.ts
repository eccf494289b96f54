import type { TimedLayer } from "./timed-layer.ts";

/** Where a table was measured: it holds for this alone. */
export interface TableMachine {
  readonly cpu: string;
  readonly runtime: string;
  readonly version: string;
  readonly executionProviders: readonly string[];
  /** Threads within one operator; `null` if left to the runtime. */
  readonly threads: number | null;
}

/** Times of one signature at the measured pairs of widths. */
export interface LayerTimes {
  readonly signature: string;
  /** Measured numbers of input channels, ascending. */
  readonly inputs: readonly number[];
  /** Measured numbers of output channels, ascending; empty if they follow the inputs. */
  readonly outputs: readonly number[];
  /** Milliseconds, `times[i][o]` for `inputs[i]` and `outputs[o]` (one column if `outputs` is empty). */
  readonly times: readonly (readonly number[])[];
}

/** Measured milliseconds of layers by their widths. Plain JSON. */
export interface LatencyTable {
  readonly formatVersion: 1;
  readonly machine: TableMachine;
  /** Input shapes of the model that the layers were taken from. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /**
   * Channels to a step of the stairs, as measured: times jump where another block of this many
   * channels begins. Widths worth having are multiples of it.
   */
  readonly channelMultiple: number;
  readonly layers: readonly LayerTimes[];
  /** Measured time of the model that the table was built for; predictions are scaled by it. */
  readonly reference: {
    /** Milliseconds of the whole model. */
    readonly medianMs: number;
    /** Sum of its layers' times in the table. */
    readonly layersMs: number;
  };
  /** Largest relative difference between two measurements of the same layer: how far to trust it. */
  readonly repeatability: number;
}

/**
 * Milliseconds of a layer at other widths: interpolated between measured ones, whole blocks of
 * `channelMultiple` channels at a time. `undefined` if the table has no such signature.
 */
export type LayerTime = (
  table: LatencyTable,
  layer: TimedLayer,
  inputChannels: number,
  outputChannels: number,
) => number | undefined;
