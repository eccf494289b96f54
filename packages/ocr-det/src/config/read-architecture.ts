import type {
  BackboneConfig,
  DbDetectorConfig,
  DbHeadConfig,
  NeckConfig,
} from "../builder/config.ts";
import type { Findings, Section } from "./section.ts";

type Reader<T> = (section: Section, findings: Findings) => T;

const resNetVd: Reader<BackboneConfig> = (section) => {
  const deformable = section.raw("dcn_stage");
  if (Array.isArray(deformable) && deformable.some((stage) => stage === true)) {
    section.fail("dcn_stage", "deformable convolutions have no ONNX operator; leave them out");
  }
  return { name: "ResNet_vd", layers: section.oneOf("layers", [18, 34, 50]) ?? 50 };
};

const BACKBONES: Readonly<Record<string, Reader<BackboneConfig>>> = {
  MobileNetV3: (section) => ({
    name: "MobileNetV3",
    modelName: section.oneOf("model_name", ["large", "small"]) ?? "large",
    scale: section.oneOf("scale", [0.35, 0.5, 0.75, 1, 1.25]) ?? 0.5,
    disableSe: section.flag("disable_se") ?? false,
  }),
  ResNet_vd: resNetVd,
  ResNet: (section, findings) => {
    findings.notes.push(
      `${section.path}.name ResNet is read as ResNet_vd, as PaddleOCR before 2.5 meant it`,
    );
    return resNetVd(section, findings);
  },
};

const channels = (section: Section, multiple: number): number =>
  section.number("out_channels", { atLeast: 16, atMost: 4096, multipleOf: multiple }) ??
  section.fail("out_channels", `give a multiple of ${multiple} from 16 to 4096`);

const NECKS: Readonly<Record<string, Reader<NeckConfig>>> = {
  DBFPN: (section) => ({
    name: "DBFPN",
    outChannels: channels(section, 4),
    useAsf: section.flag("use_asf") ?? false,
  }),
  RSEFPN: (section) => ({
    name: "RSEFPN",
    outChannels: channels(section, 16),
    shortcut: section.flag("shortcut") ?? true,
  }),
  LKPAN: (section) => ({
    name: "LKPAN",
    outChannels: channels(section, 4),
    mode: section.oneOf("mode", ["large", "lite"]) ?? "large",
  }),
};

const HEADS: Readonly<Record<string, Reader<DbHeadConfig>>> = {
  DBHead: (section) => {
    // `fix_nan` repairs half-precision training; there is none here.
    section.skip("fix_nan");
    return { name: "DBHead", k: section.number("k", { moreThan: 0 }) ?? 50, ...kernel(section) };
  },
};

/** Kernels of the head's layers; only the first can be chosen. */
function kernel(section: Section): { readonly firstKernel?: number } {
  const kernels = section.numbers("kernel_list", { integer: true, atLeast: 1, atMost: 15 });
  if (!kernels) return {};
  const [first = 0, second, third, ...rest] = kernels;
  if (first % 2 === 0 || second !== 2 || third !== 2 || rest.length > 0) {
    section.fail("kernel_list", "give [3, 2, 2], or another odd number for the 3");
  }
  return { firstKernel: first };
}

/** Reads a part by the reader that its name has. */
function readPart<T>(
  section: Section,
  name: string | undefined,
  nameKey: string,
  readers: Readonly<Record<string, Reader<T>>>,
  findings: Findings,
): T {
  const reader = name !== undefined && Object.hasOwn(readers, name) ? readers[name] : undefined;
  if (!reader) return section.fail(nameKey, `possible are ${Object.keys(readers).join(", ")}`);
  const part = reader(section, findings);
  section.finish();
  return part;
}

/** The `Architecture` section of PaddleOCR 2.0 and later. */
export function readArchitecture(root: Section, findings: Findings): DbDetectorConfig {
  const architecture = root.section("Architecture");
  if (architecture.raw("Models") !== undefined) {
    architecture.fail(
      "Models",
      "several models in one are not possible; write the Backbone, Neck and Head of the one to train under Architecture",
    );
  }
  architecture.oneOf("model_type", ["det"]);
  architecture.oneOf("algorithm", ["DB", "DB++"]);
  if (architecture.raw("Transform") !== undefined) {
    architecture.fail("Transform", "a detector has none; leave it empty");
  }
  architecture.skip("in_channels", "return_all_feats");
  const part = <T>(key: string, readers: Readonly<Record<string, Reader<T>>>): T => {
    const section = architecture.section(key);
    section.skip("in_channels", "pretrained");
    return readPart(section, section.text("name"), "name", readers, findings);
  };
  const config: DbDetectorConfig = {
    backbone: part("Backbone", BACKBONES),
    neck: part("Neck", NECKS),
    head: part("Head", HEADS),
    graph: "training",
  };
  architecture.finish();
  return config;
}

/** `ppocr.modeling.backbones.det_mobilenet_v3,MobileNetV3` → `MobileNetV3`. */
export const functionName = (section: Section): string | undefined =>
  section.text("function")?.split(",").at(-1)?.trim();

/** The `Backbone` and `Head` sections of PaddleOCR 1.1, where the neck is a part of the head. */
export function readStaticArchitecture(root: Section, findings: Findings): DbDetectorConfig {
  const architecture = root.section("Architecture");
  architecture.skip("function");
  architecture.finish();
  const backbone = root.section("Backbone");
  // There, `ResNet` is the only one for detectors, and is ResNet_vd.
  const named = functionName(backbone);
  const head = root.section("Head");
  if (functionName(head) !== "DBHead") head.fail("function", "possible is DBHead");
  head.skip("model_name", "out_channels");
  const config: DbDetectorConfig = {
    backbone: readPart(
      backbone,
      named === "ResNet" ? "ResNet_vd" : named,
      "function",
      BACKBONES,
      findings,
    ),
    neck: {
      name: "DBFPN",
      outChannels:
        head.number("inner_channels", { atLeast: 16, atMost: 4096, multipleOf: 4 }) ?? 256,
    },
    head: { name: "DBHead", k: head.number("k", { moreThan: 0 }) ?? 50 },
    graph: "training",
  };
  head.finish();
  return config;
}
