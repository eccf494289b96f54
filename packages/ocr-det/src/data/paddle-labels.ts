import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { OcrDetError } from "../errors.ts";
import { writeFileSafely } from "../images/write-file.ts";
import { assertNotEmpty, isFile, readLines, type TextLine } from "./read-text.ts";
import type { Point, Sample, TextRegion } from "./region.ts";

const IGNORED_TEXTS: ReadonlySet<string> = new Set(["###", "*"]);

export interface ReadLabelsOptions {
  /** Folder that image paths start from. Default: the label file's folder. */
  readonly imageRoot?: string;
  /** Read only that many samples, 1 or more. Default: all. */
  readonly limit?: number;
}

/**
 * Reads a PaddleOCR detection label file: on each line an image path, a tab, and a JSON array of
 * `{ "transcription": text, "points": [[x, y], …] }`. `###` and `*` mark ignored text. A polygon
 * without area is kept; the metric leaves it out.
 *
 * @throws OcrDetError `file-not-found`, `empty-file`, `invalid-label`, `invalid-polygon`,
 * `missing-image`, with `file` and `line`.
 */
export async function readPaddleLabels(
  path: string,
  options: ReadLabelsOptions = {},
): Promise<Sample[]> {
  const lines = await readLines(path, "readPaddleLabels");
  assertNotEmpty(lines, path, "readPaddleLabels");
  const root = resolve(options.imageRoot ?? dirname(path));
  const samples: Sample[] = [];
  for (const line of lines.slice(0, options.limit)) {
    samples.push(await parseSample(path, root, line));
  }
  return samples;
}

/**
 * Writes samples as a PaddleOCR label file, image paths relative to its folder. Regions of
 * unlabelled samples are written as an empty list. The file appears complete or not at all.
 *
 * @throws OcrDetError `write-failed`.
 */
export async function writePaddleLabels(path: string, samples: readonly Sample[]): Promise<void> {
  const root = resolve(dirname(path));
  const lines = samples.map(({ imagePath, regions = [] }) => {
    const image = relative(root, resolve(imagePath)).split(sep).join("/");
    const entries = regions.map(({ points, text, ignored }) => ({
      transcription: ignored && !IGNORED_TEXTS.has(text) ? "###" : text,
      points,
    }));
    return `${image}\t${JSON.stringify(entries)}\n`;
  });
  await writeFileSafely(path, lines.join(""), "writePaddleLabels");
}

async function parseSample(file: string, root: string, { line, text }: TextLine): Promise<Sample> {
  const fail = createFail(file, line);
  const tab = text.indexOf("\t");
  if (tab < 1) {
    throw fail("invalid-label", `has no tab between image path and labels: ${quote(text)}`);
  }
  const id = text.slice(0, tab).trim();
  let entries: unknown;
  try {
    entries = JSON.parse(text.slice(tab + 1));
  } catch (cause) {
    throw fail("invalid-label", `holds broken JSON (${(cause as Error).message})`, cause);
  }
  if (!Array.isArray(entries)) {
    throw fail("invalid-label", `has ${quote(JSON.stringify(entries))} in place of a list`);
  }
  const regions = entries.map((entry, index) => parseRegion(entry, index, fail));
  const imagePath = isAbsolute(id) ? id : resolve(root, id);
  if (!(await isFile(imagePath))) {
    throw fail("missing-image", `names the image ${imagePath}, which does not exist`);
  }
  return { id: id.split(sep).join("/"), imagePath, regions };
}

type Fail = (
  code: "invalid-label" | "invalid-polygon" | "missing-image",
  what: string,
  cause?: unknown,
) => OcrDetError;

function createFail(file: string, line: number): Fail {
  return (code, what, cause) =>
    new OcrDetError(
      code,
      `readPaddleLabels: ${file}, line ${line} ${what}; correct or remove the line`,
      {
        file,
        line,
        cause,
      },
    );
}

function parseRegion(entry: unknown, index: number, fail: Fail): TextRegion {
  const { transcription, points } = (entry ?? {}) as { transcription?: unknown; points?: unknown };
  if (typeof transcription !== "string" || !Array.isArray(points)) {
    throw fail("invalid-label", `has no "transcription" and "points" in its label ${index + 1}`);
  }
  if (points.length < 4) {
    throw fail(
      "invalid-polygon",
      `has ${points.length} points in its label ${index + 1}, 4 are needed`,
    );
  }
  return {
    points: points.map((point) => parsePoint(point, index, fail)),
    text: transcription,
    ignored: IGNORED_TEXTS.has(transcription),
  };
}

function parsePoint(point: unknown, index: number, fail: Fail): Point {
  const [x, y] = Array.isArray(point) && point.length === 2 ? (point as unknown[]) : [];
  if (
    typeof x !== "number" ||
    typeof y !== "number" ||
    !Number.isFinite(x) ||
    !Number.isFinite(y)
  ) {
    throw fail(
      "invalid-polygon",
      `has the point ${quote(JSON.stringify(point))} in its label ${index + 1}`,
    );
  }
  return [x, y];
}

const quote = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);
