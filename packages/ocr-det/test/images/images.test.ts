import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import type { BgrImage } from "../../src/images/bgr-image.ts";
import { decodeImage } from "../../src/images/decode.ts";
import { drawDetections } from "../../src/images/draw-detections.ts";
import { encodePng, writeImage } from "../../src/images/encode.ts";
import { readFixture } from "../read-fixture.ts";
import { createTemporaryFolder } from "../temporary-folder.ts";

const fixture = readFixture<{
  images: { name: string; file: string; height: number; width: number; bgr: string }[];
}>("decode.json");

const gradient: BgrImage = {
  height: 20,
  width: 30,
  data: Uint8Array.from({ length: 20 * 30 * 3 }, (_, index) => (index * 7) % 256),
};

describe("decodeImage", () => {
  test.each(fixture.images)(
    "gives OpenCV's pixels: $name",
    async ({ file, height, width, bgr }) => {
      const image = await decodeImage(Buffer.from(file, "base64"));
      expect([image.height, image.width]).toEqual([height, width]);
      expect(Buffer.compare(image.data, Buffer.from(bgr, "base64"))).toBe(0);
    },
  );

  test("refuses files that are missing, empty, no images or cut off, naming the file", async () => {
    const folder = createTemporaryFolder();
    const whole = await sharp({ create: { width: 90, height: 90, channels: 3, background: "red" } })
      .jpeg()
      .toBuffer();
    const contents = { empty: "", text: "not an image", cut: whole.subarray(0, whole.length / 2) };
    const expected = { empty: "empty-file", text: "not-an-image", cut: "not-an-image" };
    for (const [name, content] of Object.entries(contents)) {
      const file = join(folder, `${name}.jpg`);
      writeFileSync(file, content);
      const code = expected[name as keyof typeof expected];
      await expect(decodeImage(file)).rejects.toMatchObject({ name: "OcrDetError", code, file });
    }
    const missing = join(folder, "missing.jpg");
    await expect(decodeImage(missing)).rejects.toMatchObject({
      code: "file-not-found",
      file: missing,
    });
    await expect(decodeImage(folder)).rejects.toMatchObject({ code: "file-not-found" });
    await expect(decodeImage(new Uint8Array())).rejects.toMatchObject({ code: "empty-file" });
  });

  test("refuses a small file that would decode to many pixels", async () => {
    const bomb = Buffer.from(await encodePng(gradient));
    // The header's width and height, and its checksum.
    bomb.writeUInt32BE(12_000, 16);
    bomb.writeUInt32BE(12_000, 20);
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
    expect(await sharp(bomb).metadata()).toMatchObject({ width: 12_000, height: 12_000 });
    await expect(decodeImage(bomb)).rejects.toMatchObject({ code: "image-too-large" });
    await expect(
      decodeImage(await encodePng(gradient), { maximumPixels: 599 }),
    ).rejects.toMatchObject({
      code: "image-too-large",
    });
  });
});

describe("writing", () => {
  test("a PNG decodes to the same pixels", async () => {
    expect(await decodeImage(await encodePng(gradient))).toEqual(gradient);
  });

  test("writeImage goes by the ending and leaves nothing else behind", async () => {
    const folder = createTemporaryFolder();
    for (const name of ["a.png", "b.jpg", "sub/c.webp"]) {
      await writeImage(join(folder, name), gradient);
      expect(await decodeImage(join(folder, name))).toMatchObject({ height: 20, width: 30 });
    }
    expect(readdirSync(folder).sort()).toEqual(["a.png", "b.jpg", "sub"]);
  });

  test("another ending and a path that cannot be written are refused", async () => {
    const folder = createTemporaryFolder();
    await expect(writeImage(join(folder, "a.xyz"), gradient)).rejects.toMatchObject({
      code: "invalid-option",
    });
    writeFileSync(join(folder, "file"), "");
    await expect(writeImage(join(folder, "file", "a.png"), gradient)).rejects.toMatchObject({
      code: "write-failed",
    });
    expect(readdirSync(folder)).toEqual(["file"]);
  });
});

describe("drawDetections", () => {
  const black: BgrImage = { height: 20, width: 30, data: new Uint8Array(20 * 30 * 3) };
  const pixel = (image: BgrImage, x: number, y: number): number[] => [
    ...image.data.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3),
  ];

  test("draws outlines in a copy", () => {
    const points = [
      [5, 5],
      [20, 5],
      [20, 15],
      [5, 15],
    ] as const;
    const drawn = drawDetections(black, [{ points }], { color: [1, 2, 3], thickness: 1 });
    for (const [x, y] of [...points, [12, 5], [20, 9]] as const)
      expect(pixel(drawn, x, y)).toEqual([1, 2, 3]);
    expect(pixel(drawn, 12, 9)).toEqual([0, 0, 0]);
    expect(drawn.data.filter((value) => value === 1).length).toBe(2 * 16 + 2 * 9);
    expect(black.data.every((value) => value === 0)).toBe(true);
  });

  test("leaves out what lies outside of the image", () => {
    const points = [
      [-10, -10],
      [40, -10],
      [40, 30],
      [-10, 30],
    ] as const;
    expect(drawDetections(black, [{ points }])).toEqual(black);
  });
});
