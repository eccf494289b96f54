/** An image of 8-bit pixels, rows from the top, three bytes a pixel: blue, green, red. */
export interface BgrImage {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]`, row-major. */
  readonly data: Uint8Array;
}
