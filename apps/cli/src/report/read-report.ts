import { readFile } from "node:fs/promises";
import { isAbsolute, normalize } from "node:path";
import { z } from "zod";
import { CliError } from "../cli-error.ts";
import type { CompressReport } from "./types.ts";

const measures = z.looseObject({
  hmean: z.number().optional(),
  precision: z.number().optional(),
  recall: z.number().optional(),
  agreement: z.number(),
  nodes: z.number(),
  macs: z.number(),
  parameters: z.number(),
  bytes: z.number(),
  medianMs: z.number(),
});

const scores = z.looseObject({ hmean: z.number().optional(), agreement: z.number() });

const opTypes = z.array(
  z.looseObject({ opType: z.string(), count: z.number(), meanMs: z.number() }),
);

/** A name within the run folder: the report embeds these files, so none may lie outside. */
const fileName = z
  .string()
  .refine(
    (name) => !isAbsolute(name) && !normalize(name).startsWith(".."),
    "it must lie within the run folder",
  );

const reportSchema = z.looseObject({
  formatVersion: z.literal(1),
  version: z.string(),
  model: z.string(),
  before: measures,
  simplified: measures.partial({ agreement: true }),
  after: measures,
  ratios: z.looseObject({
    latency: z.number(),
    macs: z.number(),
    parameters: z.number(),
    bytes: z.number(),
  }),
  loss: z.number(),
  lossOf: z.enum(["hmean", "agreement"]),
  slower: z.boolean(),
  budget: z.looseObject({
    kind: z.enum(["macs", "parameters", "latency", "max-loss"]),
    wanted: z.number(),
    reached: z.number(),
    met: z.boolean(),
    reason: z.string().optional(),
  }),
  seconds: z.number(),
  files: z.record(z.string(), z.string()),
  data: z.looseObject({
    sources: z.array(z.string()),
    seed: z.number(),
    calibration: z.array(z.string()),
    evaluation: z.array(z.string()),
    labelled: z.boolean(),
    sensitivityImages: z.number(),
  }),
  alsoMeasured: z.array(
    z.looseObject({ source: z.string(), images: z.number(), before: scores, after: scores }),
  ),
  latency: z.looseObject({
    inputShape: z.array(z.number()),
    threads: z.number().optional(),
    rounds: z.number(),
    simplifiedRatio: z.number(),
  }),
  groups: z.array(z.looseObject({ id: z.string(), width: z.number(), kept: z.number() })),
  curves: z.array(
    z.looseObject({
      group: z.string(),
      width: z.number(),
      points: z.array(z.looseObject({ ratio: z.number(), loss: z.number() })),
    }),
  ),
  curveMetric: z.string(),
  skipped: z.array(z.looseObject({ group: z.string(), reason: z.string() })),
  trials: z.array(
    z.looseObject({
      macsRatio: z.number(),
      agreement: z.number().optional(),
      latencyRatio: z.number().optional(),
      chosen: z.boolean(),
      onFront: z.boolean().default(false),
    }),
  ),
  profile: z.looseObject({ before: opTypes, simplified: opTypes, after: opTypes }),
  pictures: z.array(
    z.looseObject({
      image: z.string(),
      before: fileName,
      after: fileName,
      detectionsBefore: z.number(),
      detectionsAfter: z.number(),
    }),
  ),
  machine: z.record(z.string(), z.union([z.string(), z.number()])),
  options: z.record(z.string(), z.unknown()),
  notes: z.array(z.string()),
});

/**
 * Reads `report.json` of a run folder.
 * @throws CliError `missing-file`, or `invalid-report` naming the first key that does not fit.
 */
export async function readReport(path: string): Promise<CompressReport> {
  const content = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new CliError(
      "missing-file",
      `${path}: cannot be read; give the folder that compress wrote`,
      { cause },
    );
  });
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch (cause) {
    throw new CliError("invalid-report", `${path}: is not JSON; run compress again`, { cause });
  }
  const result = reportSchema.safeParse(json);
  if (!result.success) {
    const issue = result.error.issues[0];
    const where = issue?.path.join(".") || "the document";
    throw new CliError(
      "invalid-report",
      `${path}: ${where}: ${issue?.message}; run compress again`,
    );
  }
  return result.data as CompressReport;
}
