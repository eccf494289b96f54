import type { Command } from "../command.ts";
import { bench } from "./bench.ts";
import { compress } from "./compress.ts";
import { data } from "./data.ts";
import { doctor } from "./doctor.ts";
import { evaluate } from "./eval.ts";
import { exportCommand } from "./export.ts";
import { finetune } from "./finetune.ts";
import { inspect } from "./inspect.ts";
import { plan } from "./plan.ts";
import { predict } from "./predict.ts";
import { prune } from "./prune.ts";
import { report } from "./report.ts";
import { sensitivity } from "./sensitivity.ts";
import { simplify } from "./simplify.ts";
import { trainCommand } from "./train.ts";
import { worker } from "./worker.ts";

/** All commands, in the order in which the help text lists them. */
export const commands: readonly Command[] = [
  compress,
  inspect,
  simplify,
  sensitivity,
  worker,
  plan,
  prune,
  finetune,
  trainCommand,
  exportCommand,
  data,
  evaluate,
  predict,
  bench,
  report,
  doctor,
];
