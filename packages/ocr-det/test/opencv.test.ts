import { expect, test } from "vitest";
import { loadOpenCv } from "../src/opencv.ts";

test("OpenCV is loaded once and leaves no handlers on the process", async () => {
  const count = () =>
    process.listenerCount("uncaughtException") + process.listenerCount("unhandledRejection");
  const before = count();
  const [first, second] = await Promise.all([loadOpenCv(), loadOpenCv()]);
  expect(first.cv).toBe(second.cv);
  expect(count()).toBe(before);
});
