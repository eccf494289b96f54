/** Horizontal and vertical position in pixels, from the top left corner. */
export type Point = readonly [number, number];

/** A labelled text outline. */
export interface TextRegion {
  /** 4 or more corners, in pixels of the decoded (EXIF-rotated) image. */
  readonly points: readonly Point[];
  /** The transcription; `###` or `*` if it is not to be read. */
  readonly text: string;
  /** Whether the metric passes over it. */
  readonly ignored: boolean;
}

/** An image, and what is known about it. */
export interface Sample {
  /** Path within the data set, with `/`. */
  readonly id: string;
  readonly imagePath: string;
  /** Undefined if the image is not labelled; empty if it has no text. */
  readonly regions?: readonly TextRegion[];
}

/** Images in a fixed order. */
export interface Dataset {
  /** The file or folder that it was read from. */
  readonly source: string;
  readonly samples: readonly Sample[];
  /** Whether every sample has labels. */
  readonly labelled: boolean;
}
