import {
  type NormalizeOptions,
  type PostprocessOptions,
  POSTPROCESS_DEFAULTS,
  type ResizeOptions,
} from "@ocrslim/ocr-det";
import { z } from "zod";
import {
  flag,
  fraction,
  heightAndWidth,
  integerIn,
  numberIn,
  numberList,
  oneOf,
  type OptionSpecs,
  optional,
  withDefault,
} from "./option.ts";
