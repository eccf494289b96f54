/**
 * The bytes something was read from. Unedited things are written back from here, so that reading
 * and writing a model changes nothing.
 */
export interface SourceRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** A view of the range; nothing is copied. */
export function sourceBytes(source: SourceRange): Uint8Array {
  return source.bytes.subarray(source.start, source.end);
}
