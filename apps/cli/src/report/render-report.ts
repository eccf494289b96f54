import { join } from "node:path";
import sharp from "sharp";
import {
  curvesHtml,
  profileHtml,
  runHtml,
  skippedHtml,
  tradeHtml,
  widthsHtml,
} from "./detail-sections.ts";
import { escapeHtml, section } from "./html.ts";
import { style } from "./style.ts";
import { headerHtml, tableHtml } from "./summary-section.ts";
import type { CompressReport, PicturePair } from "./types.ts";

/** Pictures are embedded at most this wide, pixels. */
const embeddedWidth = 900;

async function embed(path: string): Promise<string> {
  const jpeg = await sharp(path)
    .resize({ width: embeddedWidth, withoutEnlargement: true })
    .jpeg({ quality: 72, mozjpeg: true })
    .toBuffer();
  return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
}

async function pairHtml(folder: string, pair: PicturePair): Promise<string> {
  const figure = async (file: string, title: string, count: number): Promise<string> =>
    `<figure><img alt="${title}: ${escapeHtml(pair.image)}" src="${await embed(join(folder, file))}"><figcaption><span>${title} · ${escapeHtml(pair.image)}</span><b>${count} boxes</b></figcaption></figure>`;
  const before = await figure(pair.before, "Original", pair.detectionsBefore);
  const after = await figure(pair.after, "Slim", pair.detectionsAfter);
  return `<div class="pair">${before}${after}</div>`;
}

/**
 * Renders a report as one HTML document that needs nothing from outside. Pictures are read from
 * the run folder and embedded.
 */
export async function renderReport(report: CompressReport, folder: string): Promise<string> {
  const pairs: string[] = [];
  for (const pair of report.pictures) pairs.push(await pairHtml(folder, pair));
  const pictures =
    pairs.length === 0
      ? ""
      : section(
          "Detections before and after",
          "Held-out images. The outlines are what each model finds.",
          pairs.join(""),
        );
  const body = [
    headerHtml(report),
    tableHtml(report),
    tradeHtml(report),
    pictures,
    profileHtml(report),
    widthsHtml(report),
    curvesHtml(report),
    skippedHtml(report),
    runHtml(report),
    `<footer>Made by ocrslim ${escapeHtml(report.version)}.</footer>`,
  ].join("");
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>OCRSlim: ${escapeHtml(report.model)}</title><style>${style}</style></head><body><main>${body}</main></body></html>\n`;
}
