// PaddleOCR's published way to a pruned detector (deploy/slim/prune), step by step, each one command
// of ocrslim: sensitivity analysis, ratios at a loss limit, FPGM pruning, fine-tuning, inference model,
// prediction. About a minute on two cores. It runs in a folder of its own, or in the one that is given.
import { copyFile, mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "@ocrslim/cli";
import { drawPages } from "./draw-pages.ts";

const folder = process.argv[2] ?? (await mkdtemp(join(tmpdir(), "ocrslim-workflow-")));

/** Runs a command line of ocrslim, as a shell in the folder would. */
async function ocrslim(line: string): Promise<void> {
  console.log(`\n$ ocrslim ${line}`);
  const { stdout, stderr } = process;
  const io = { stdout, stderr, isTTY: false, cwd: folder };
  const exitCode = await run(line.split(" "), io);
  if (exitCode !== 0) throw new Error(`ocrslim ${line}: exit code ${exitCode}`);
}

const step = (title: string, paddle: string): void =>
  console.log(`\n\n== ${title}\n   in PaddleOCR: ${paddle}`);

const CONFIG = "-c configs/det/det_mv3_db.yml";
/** The threshold map is only trained with: no metric says what its head can do without. */
const KEEP_THRESHOLD = "--ignore head.thresh.conv1.weight --ignore head.thresh.conv2.weight";

await mkdir(join(folder, "configs/det"), { recursive: true });
await mkdir(join(folder, "pretrain_models"), { recursive: true });
await copyFile(
  fileURLToPath(new URL("det_mv3_db.yml", import.meta.url)),
  join(folder, "configs/det/det_mv3_db.yml"),
);
await drawPages(join(folder, "train_data"));

step(
  "0. A trained detector, which you have already",
  "tools/train.py -c configs/det/det_mv3_db.yml",
);
await ocrslim(`train ${CONFIG} -o Global.pretrained_model= -o output/db_mv3`);
await ocrslim("export output/db_mv3 -o pretrain_models/best_accuracy.pdparams");

step("1. Config and .pdparams → a graph", "build_model(config), load_model(config, model)");
await ocrslim(`export ${CONFIG} --training -o det.onnx`);

step(
  "2. Sensitivity analysis",
  "deploy/slim/prune/sensitivity_anal.py -c … -o Global.pretrained_model=…",
);
await ocrslim(
  `sensitivity det.onnx ${CONFIG} --metric hmean --criterion fpgm --channel-multiple 1 --ratios 0.25,0.5 -o sen.json`,
);

step(
  "3. Ratios at a loss of 3 %, the first four convolutions left whole",
  "get_ratios_by_loss(sen, 0.03), and a list of names to skip",
);
await ocrslim(
  `plan det.onnx --sensitivity sen.json --max-loss 0.03 --keep-first 4 ${KEEP_THRESHOLD} --criterion fpgm --channel-multiple 1 -o plan.json`,
);

step("4. FPGM pruning", "FPGMFilterPruner(model, shape).prune_vars(ratios, [0])");
await ocrslim("prune det.onnx --plan plan.json --keep-normalizations -o pruned.onnx");

step("5. Fine-tuning", "the same process goes on as tools/train.py");
await ocrslim(
  `train ${CONFIG} --pretrained pruned.onnx -o Optimizer.lr.learning_rate=0.001 --epochs 5 -o output/prune_model`,
);

step(
  "6. Inference model",
  "deploy/slim/prune/export_prune_model.py -c … -o Global.save_inference_dir=…",
);
await ocrslim("export output/prune_model -o prune_inference.onnx");
await ocrslim(`eval prune_inference.onnx ${CONFIG}`);

step(
  "7. Prediction",
  'tools/infer/predict_det.py --det_model_dir="./prune/prune_inference_model/" --image_dir=…',
);
await ocrslim(
  `predict prune_inference.onnx train_data/imgs/img_60.png ${CONFIG} -o inference_results`,
);
console.log(`\nresults in ${folder}`);
