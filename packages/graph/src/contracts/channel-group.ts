/**
 * What a member does in its group.
 * - `producer`: a weight whose slices along `axis` compute the channels (a Conv weight's axis 0).
 * - `consumer`: a weight, or an activation entering a node that mixes channels, whose slices along
 *   `axis` read the channels (a Conv weight's axis 1).
 * - `parameter`: a constant with a value per channel (bias, BN scale, PReLU slope, affine factor).
 * - `activation`: a computed value the channels pass through.
 */
export type MemberRole = "producer" | "consumer" | "parameter" | "activation";

/** One axis of one value that holds channels of the group. */
export interface GroupMember {
  /** Name of the value (an initializer for weights and parameters). */
  readonly value: string;
  /** Axis of `value` along which the channels lie, 0 or more. */
  readonly axis: number;
  readonly role: MemberRole;
  /** First output name of the node that gives the member its role; absent for activations. */
  readonly node?: string;
  /** Operator of that node, such as `Conv`. */
  readonly opType?: string;
  /** Which input of that node carries the channels as data (consumers only). */
  readonly input?: number;
  /**
   * The index map: for each index along `axis`, the channel of the group it belongs to, or -1 if it
   * belongs to another group. One channel may own several indices (Flatten, Concat of a value with
   * itself, a whole convolution group).
   */
  readonly channelOf: Int32Array;
}

/**
 * Channels that must be removed together, wherever they appear: removing channel k removes, from
 * every member, all indices i with `channelOf[i] === k`.
 */
export interface ChannelGroup {
  /** Stable: the name of the first producing value, with an index range if it has several groups. */
  readonly id: string;
  /** Number of channels. */
  readonly width: number;
  readonly members: readonly GroupMember[];
  /** Why no channel of this group can be removed; absent if they can. */
  readonly blocked?: string;
}
