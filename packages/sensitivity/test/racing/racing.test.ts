import { createRandom } from "@ocrslim/graph";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseNext, type Verdict } from "../../src/racing/choose-next.ts";
import { decideLoss, listLooks } from "../../src/racing/decide-loss.ts";
import { comparePaired, lossInterval } from "../../src/racing/paired-loss.ts";
import { studentQuantile } from "../../src/racing/student-quantile.ts";

describe("studentQuantile", () => {
  // Tables: Abramowitz & Stegun 26.10.
  it.each([
    [0.975, 1, 12.7062],
    [0.975, 2, 4.3027],
    [0.95, 3, 2.3534],
    [0.995, 4, 4.6041],
    [0.9875, 7, 2.8412],
    [0.95, 30, 1.6973],
    [0.995, 120, 2.6174],
  ])("at %s with %s degrees of freedom is %s", (probability, freedom, expected) => {
    expect(studentQuantile(probability, freedom)).toBeCloseTo(expected, 3);
  });
});

/** Counts of one image, as a detector's evaluation has them. */
interface Counts {
  readonly matched: number;
  readonly truth: number;
  readonly predicted: number;
}

const hmean = (counts: readonly Counts[]): number => {
  const sum = (part: keyof Counts): number => counts.reduce((total, each) => total + each[part], 0);
  return (2 * sum("matched")) / (sum("truth") + sum("predicted"));
};

describe("comparePaired", () => {
  it("gives each image its own loss if the metric is a mean", () => {
    const mean = (scores: readonly number[]): number =>
      scores.reduce((sum, score) => sum + score, 0) / scores.length;
    const paired = comparePaired([1, 1, 1], [0.9, 1, 0.5], mean, "baseline");
    expect(paired.loss).toBeCloseTo(0.2, 12);
    [0.1, 0, 0.5].forEach((loss, index) => {
      expect(paired.contributions[index]).toBeCloseTo(loss, 12);
    });
  });

  it("gives contributions to hmean that are its linearization", () => {
    const { before, after } = simulate(createRandom(1), 60, 0.05, 0.5);
    const { loss, contributions } = comparePaired(before, after, hmean, "baseline");
    const mean = before.reduce((sum, { matched }) => sum + matched, 0) / before.length;
    // As truth and predictions stay the same, the loss is a ratio of two sums.
    before.forEach(({ matched }, index) => {
      const lost = matched - after[index]!.matched;
      expect(contributions[index]).toBeCloseTo(loss + (lost - loss * matched) / mean, 2);
    });
  });

  it("has no interval where the metric is not known", () => {
    expect(lossInterval({ loss: 0.1, contributions: [0.1] }, 0.95)).toBeUndefined();
    expect(
      lossInterval({ loss: Number.NaN, contributions: [0, Number.NaN] }, 0.95),
    ).toBeUndefined();
    const [low, high] = lossInterval({ loss: 0.1, contributions: [0, 0.1, 0.2] }, 0.95)!;
    expect((low + high) / 2).toBeCloseTo(0.1, 12);
    expect(high).toBeCloseTo(0.1 + (4.3027 * 0.1) / Math.sqrt(3), 4);
  });
});

/** Images of which boxes are lost one by one, some images more than others. */
function simulate(random: () => number, count: number, rate: number, unevenness: number) {
  const before = Array.from({ length: count }, () => {
    const truth = 5 + Math.floor(random() * 90);
    return { truth, predicted: truth, matched: truth - Math.floor(random() * 3) };
  });
  const after = before.map((each) => {
    const own = random() < unevenness ? rate / unevenness : 0;
    let lost = 0;
    for (let box = 0; box < each.matched; box++) if (random() < own) lost++;
    return { ...each, matched: each.matched - lost, predicted: each.predicted };
  });
  return { before, after };
}

describe("decideLoss", () => {
  it("looks at 4, 8, 16, … images, and at all in the end", () => {
    expect(listLooks(40)).toEqual([4, 8, 16, 32, 40]);
    expect(listLooks(8)).toEqual([4, 8]);
    expect(listLooks(3)).toEqual([3]);
  });

  it("decides by the loss itself once all images are in", () => {
    const race = { images: 3, maximumLoss: 0.02, confidence: 0.95 };
    const contributions = [0, 0.06, 0];
    expect(decideLoss({ loss: 0.02, contributions }, race)).toBe("acceptable");
    expect(decideLoss({ loss: 0.021, contributions }, race)).toBe("unacceptable");
  });

  it("takes more than a few images without any change for proof that nothing is lost", () => {
    const race = { images: 500, maximumLoss: 0.02, confidence: 0.95 };
    const unchanged = (count: number) => ({ loss: 0, contributions: Array<number>(count).fill(0) });
    expect(decideLoss(unchanged(8), race)).toBeUndefined();
    expect(decideLoss(unchanged(32), race)).toBe("acceptable");
  });

  // Each row: how many of a hundred boxes are lost, and in what share of the images.
  it.each([
    [0.015, 1],
    [0.025, 1],
    [0.015, 0.5],
    [0.03, 0.5],
    [0.03, 0.25],
    [0.1, 0.5],
    [0.005, 0.25],
  ])(
    "is right at its confidence where %s of the boxes go, in %s of the images",
    (rate, unevenness) => {
      const random = createRandom(7);
      const images = 40;
      const race = { images, maximumLoss: 0.02, confidence: 0.95 };
      const trials = 400;
      let wrong = 0;
      for (let trial = 0; trial < trials; trial++) {
        const { before, after } = simulate(random, images, rate, unevenness);
        const truth = (hmean(before) - hmean(after)) / hmean(before) <= race.maximumLoss;
        for (const look of listLooks(images)) {
          const paired = comparePaired(
            before.slice(0, look),
            after.slice(0, look),
            hmean,
            "baseline",
          );
          const decision = decideLoss(paired, race);
          if (decision === undefined) continue;
          if ((decision === "acceptable") !== truth) wrong++;
          break;
        }
      }
      // 5 % of 400, and twice the deviation of a binomial count.
      expect(wrong).toBeLessThanOrEqual(20 + 9);
    },
  );

  it("needs few images where it is plain", () => {
    const random = createRandom(3);
    const { before, after } = simulate(random, 40, 0.4, 1);
    const at = (look: number) =>
      decideLoss(comparePaired(before.slice(0, look), after.slice(0, look), hmean, "baseline"), {
        images: 40,
        maximumLoss: 0.02,
        confidence: 0.95,
      });
    expect(at(4)).toBe("unacceptable");
  });
});

describe("chooseNext", () => {
  it("finds where verdicts turn in about log₂ steps, wherever that is", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
        (length, at) => {
          const turn = Math.min(length, at);
          const verdicts = Array<Verdict>(length).fill(undefined);
          let steps = 0;
          for (let next = chooseNext(verdicts); next !== undefined; next = chooseNext(verdicts)) {
            expect(verdicts[next]).toBeUndefined();
            verdicts[next] = next < turn;
            steps++;
          }
          expect(steps).toBeLessThanOrEqual(Math.ceil(Math.log2(length + 1)));
          if (turn > 0) expect(verdicts[turn - 1]).toBe(true);
          if (turn < length) expect(verdicts[turn]).toBe(false);
        },
      ),
    );
  });

  it("stops at the first point that is too much, whatever lies beyond", () => {
    expect(chooseNext([true, false, undefined, true])).toBeUndefined();
    expect(chooseNext([undefined, undefined, false, true])).toBe(0);
  });
});
