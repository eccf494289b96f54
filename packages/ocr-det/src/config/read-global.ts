import { resolve } from "node:path";
import type { PaddleDetectionPlan } from "./paddle-plan.ts";
import type { Section } from "./section.ts";

/** Keys of `Global` that make no difference here. */
const WITHOUT_EFFECT = [
  ...["debug", "use_gpu", "use_xpu", "use_mlu", "use_npu", "use_gcu", "distributed", "use_amp"],
  ...["amp_level", "amp_dtype", "scale_loss", "use_dynamic_loss_scaling", "log_smooth_window"],
  ...["print_batch_step", "save_epoch_step", "cal_metric_during_train", "load_static_weights"],
  ...["checkpoints", "save_inference_dir", "use_visualdl", "infer_img", "save_res_path"],
  ...["d2s_train_image_shape", "model_name", "to_static", "use_static", "algorithm", "reader_yml"],
  ...["use_tensorboard", "use_wandb", "ema_decay_type", "uniform_output_enabled", "model_type"],
] as const;

type GlobalSettings = Pick<
  PaddleDetectionPlan,
  "epochs" | "evaluateEvery" | "pretrained" | "outputFolder" | "seed" | "emaDecay"
>;

/** The `Global` section, but for what only PaddleOCR 1.1 has there. */
export function readGlobal(section: Section, baseFolder: string): GlobalSettings {
  section.skip(...WITHOUT_EFFECT);
  const epochs =
    section.number("epoch_num", { integer: true, atLeast: 1 }) ??
    section.fail("epoch_num", "give a number of epochs");
  const every = section.numbers("eval_batch_step", { integer: true, atLeast: 0 })?.at(-1);
  // PaddleOCR 1.1 has another name for it.
  const pretrained = section.text("pretrained_model") ?? section.text("pretrain_weights");
  const outputFolder = section.text("save_model_dir");
  const seed = section.number("seed", { integer: true, atLeast: 0, lessThan: 2 ** 31 });
  const decay = section.number("ema_decay", { moreThan: 0, lessThan: 1 });
  const emaDecay = section.flag("use_ema") ? (decay ?? 0.9998) : undefined;
  return {
    epochs,
    ...(every ? { evaluateEvery: every } : {}),
    ...(pretrained === undefined ? {} : { pretrained: asPath(pretrained, baseFolder) }),
    ...(outputFolder === undefined ? {} : { outputFolder: resolve(baseFolder, outputFolder) }),
    ...(seed === undefined ? {} : { seed }),
    ...(emaDecay === undefined ? {} : { emaDecay }),
  };
}

const asPath = (path: string, baseFolder: string): string =>
  /^https?:/.test(path) ? path : resolve(baseFolder, path);
