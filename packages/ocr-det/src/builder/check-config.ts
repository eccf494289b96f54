import { OcrDetError } from "../errors.ts";
import type { DbDetectorConfig } from "./config.ts";

/** Says what is wrong with a setting, or `undefined` if it is fine. */
type Check = (value: unknown) => string | undefined;
/** Settings of one section; those in `required` have no default. */
interface Section {
  readonly required: Readonly<Record<string, Check>>;
  readonly optional: Readonly<Record<string, Check>>;
}

const oneOf =
  (...choices: readonly unknown[]): Check =>
  (value) =>
    choices.includes(value)
      ? undefined
      : `give one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`;
const flag: Check = (value) => (typeof value === "boolean" ? undefined : "give true or false");
const integer = (value: unknown): value is number => Number.isSafeInteger(value);
const channels =
  (multiple: number): Check =>
  (value) =>
    integer(value) && value >= 16 && value <= 4096 && value % multiple === 0
      ? undefined
      : `give a multiple of ${multiple} from 16 to 4096`;

const BACKBONES: Readonly<Record<string, Section>> = {
  MobileNetV3: {
    required: { modelName: oneOf("large", "small"), scale: oneOf(0.35, 0.5, 0.75, 1, 1.25) },
    optional: { disableSe: flag },
  },
  ResNet_vd: { required: { layers: oneOf(18, 34, 50) }, optional: {} },
};
const NECKS: Readonly<Record<string, Section>> = {
  DBFPN: { required: { outChannels: channels(4) }, optional: { useAsf: flag } },
  RSEFPN: { required: { outChannels: channels(16) }, optional: { shortcut: flag } },
  LKPAN: { required: { outChannels: channels(4) }, optional: { mode: oneOf("large", "lite") } },
};
const HEADS: Readonly<Record<string, Section>> = {
  DBHead: {
    required: {},
    optional: {
      k: (value) =>
        typeof value === "number" && value > 0 && Number.isFinite(value)
          ? undefined
          : "give a number greater than 0",
      firstKernel: (value) =>
        integer(value) && value >= 1 && value <= 15 && value % 2 === 1
          ? undefined
          : "give an odd number from 1 to 15",
    },
  },
};
const WHOLE: Section = {
  required: {},
  optional: {
    graph: oneOf("inference", "training"),
    inputShape: (value) => {
      const shape: readonly unknown[] = Array.isArray(value) ? value : [];
      const [batch, channelCount, height, width] = shape;
      const isSide = (side: unknown): boolean => integer(side) && side >= 32 && side % 32 === 0;
      const isBatch = integer(batch) && batch >= 1;
      return shape.length === 4 && isBatch && channelCount === 3 && isSide(height) && isSide(width)
        ? undefined
        : "give [N, 3, H, W] with H and W multiples of 32";
    },
    gateSlope: (value) =>
      typeof value === "number" && value > 0 && value <= 1
        ? undefined
        : "give a number greater than 0, at most 1",
    seed: (value) => (integer(value) ? undefined : "give an integer"),
  },
};

/**
 * Checks a config that may come from a file.
 * @throws OcrDetError `invalid-option` naming the setting: an unknown architecture or key, a value
 * out of range, or a setting that belongs to another architecture.
 */
export function assertDbDetectorConfig(config: DbDetectorConfig): void {
  const { backbone, neck, head, ...rest } = asSettings(config, "the config");
  checkNamed("backbone", backbone, BACKBONES);
  checkNamed("neck", neck, NECKS);
  if (head !== undefined) checkNamed("head", head, HEADS);
  checkSection("", "a detector", rest, WHOLE);
}

function checkNamed(
  path: string,
  value: unknown,
  sections: Readonly<Record<string, Section>>,
): void {
  const { name, ...settings } = asSettings(value, path);
  const section =
    typeof name === "string" && Object.hasOwn(sections, name) ? sections[name] : undefined;
  if (!section) {
    throw invalid(`${path}.name is ${show(name)}`, oneOf(...Object.keys(sections))(undefined));
  }
  checkSection(`${path}.`, String(name), settings, section);
}

function checkSection(
  path: string,
  owner: string,
  settings: Readonly<Record<string, unknown>>,
  { required, optional }: Section,
): void {
  const known = { ...required, ...optional };
  for (const key of Object.keys(settings)) {
    if (!Object.hasOwn(known, key)) {
      const names = Object.keys(known).join(", ") || "none";
      throw invalid(`${path}${key} is no setting of ${owner}`, `its settings are: ${names}`);
    }
  }
  for (const [key, check] of Object.entries(known)) {
    const value = settings[key];
    if (value === undefined && !Object.hasOwn(required, key)) continue;
    const problem = check(value);
    if (problem) throw invalid(`${path}${key} is ${show(value)}`, problem);
  }
}

function asSettings(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw invalid(`${path} is ${show(value)}`, "give an object of settings");
}

function show(value: unknown): string {
  return value === undefined ? "missing" : (JSON.stringify(value) ?? String(value));
}

function invalid(what: string, remedy = ""): OcrDetError {
  return new OcrDetError("invalid-option", `buildDbDetector: ${what}; ${remedy}`);
}
