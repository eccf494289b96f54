/** Learning rate of update `update` (from 0) out of `total` updates. */
export type Schedule = (update: number, total: number) => number;
