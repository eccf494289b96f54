import { readFile } from "node:fs/promises";

/** A probability map read from a file. */
export interface MapFile {
  readonly path: string;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/**
 * Reads a two-dimensional float32 `.npy` file of version 1, little-endian, in C order.
 * @throws RangeError for any other content.
 */
export async function readMapFile(path: string): Promise<MapFile> {
  const bytes = await readFile(path);
  const headerEnd = 10 + (bytes.length > 10 ? bytes.readUInt16LE(8) : 0);
  const header = bytes.toString("latin1", 10, headerEnd);
  const match = /'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\)/.exec(header);
  const height = Number(match?.[1]);
  const width = Number(match?.[2]);
  if (!match || bytes.length !== headerEnd + height * width * 4) {
    throw new RangeError(
      `readMapFile: ${path} is no float32 map; its header is ${header.trim()}; give a file that numpy saved from a 2-D float32 array`,
    );
  }
  return {
    path,
    height,
    width,
    data: new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + headerEnd, bytes.byteOffset + bytes.length),
    ),
  };
}
