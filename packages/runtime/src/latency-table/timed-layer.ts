/** A number of channels that pruning may change: axis `axis` of the value `value`, now `size` long. */
export interface ChannelAxis {
  readonly value: string;
  readonly axis: number;
  readonly size: number;
}

/**
 * A piece of a model that is timed as a whole: a convolution-like node with the activation that
 * ONNX Runtime fuses into it, or a node that only moves or maps elements.
 */
export interface TimedLayer {
  /** Name of the last output of the piece. */
  readonly id: string;
  /** First outputs of the nodes that it consists of, in order. */
  readonly nodes: readonly string[];
  /** Operator of its first node. */
  readonly opType: string;
  /**
   * All that its time depends on but for channels: operators, kernel, strides, dilations, pads, form
   * of grouping, activation, spatial size. Layers of one signature share their entries in a table.
   */
  readonly signature: string;
  /** Channels that it reads; for joins such as Concat the channels of all inputs together. */
  readonly input: readonly ChannelAxis[];
  /** Channels that it gives. Depthwise and elementwise layers have the same number as `input`. */
  readonly output: ChannelAxis;
}
