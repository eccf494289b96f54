import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "@ocrslim/graph";
import { type Sample, writeImage, writePaddleLabels } from "@ocrslim/ocr-det";
import { temporaryFolder } from "../support.ts";

/** A folder in which a tiny detector can be trained. */
export interface TinyTraining {
  readonly folder: string;
  /** The config's path; its own paths start from `folder`. */
  readonly config: string;
}

const SIDE = 96;

/** A dark box with stripes on a light page. */
async function drawPage(path: string, id: string, seed: number): Promise<Sample> {
  const random = createRandom(seed);
  const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, () => 200 + 40 * random());
  const [left, top] = [4 + Math.floor(random() * 20), 8 + Math.floor(random() * 40)];
  const [width, height] = [50 + Math.floor(random() * 18), 16 + Math.floor(random() * 10)];
  for (let row = top; row < top + height; row++) {
    for (let column = left; column < left + width; column++) {
      data.fill(
        column % 4 < 2 ? 10 : 120,
        (row * SIDE + column) * 3,
        (row * SIDE + column + 1) * 3,
      );
    }
  }
  await writeImage(path, { width: SIDE, height: SIDE, data });
  const points = [
    [left, top],
    [left + width, top],
    [left + width, top + height],
    [left, top + height],
  ] as const;
  return { id, imagePath: path, regions: [{ points, text: "stripes", ignored: false }] };
}

/** Writes six pages to train on, two to measure on, and a config of a small detector. */
export async function createTinyTraining(): Promise<TinyTraining> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "pages"));
  const pages = await Promise.all(
    Array.from({ length: 8 }, (_, index) => {
      const id = `pages/${index}.png`;
      return drawPage(join(folder, id), id, index + 1);
    }),
  );
  await writePaddleLabels(join(folder, "train.txt"), pages.slice(0, 6));
  await writePaddleLabels(join(folder, "test.txt"), pages.slice(6));
  const config = join(folder, "tiny.yml");
  await writeFile(config, CONFIG);
  return { folder, config };
}

const CONFIG = `Global:
  epoch_num: 100
  eval_batch_step: [0, 2]
  pretrained_model:
  save_model_dir: ./output
Architecture:
  model_type: det
  algorithm: DB
  Transform:
  Backbone: {name: MobileNetV3, scale: 0.35, model_name: small, disable_se: True}
  Neck: {name: DBFPN, out_channels: 16}
  Head: {name: DBHead, k: 50}
Loss: {name: DBLoss, balance_loss: true, main_loss_type: DiceLoss, alpha: 5, beta: 10, ohem_ratio: 3}
Optimizer:
  name: Adam
  lr: {name: Cosine, learning_rate: 0.005, warmup_epoch: 2}
  regularizer: {name: L2, factor: 0}
PostProcess: {name: DBPostProcess, thresh: 0.3, box_thresh: 0.3, max_candidates: 100, unclip_ratio: 1.5}
Metric: {name: DetMetric, main_indicator: hmean}
Train:
  dataset:
    name: SimpleDataSet
    data_dir: ./
    label_file_list: [./train.txt]
    ratio_list: [1.0]
    transforms:
      - DecodeImage: {img_mode: BGR, channel_first: False}
      - DetLabelEncode:
      - IaaAugment: {augmenter_args: [{type: Fliplr, args: {p: 0.5}}]}
      - EastRandomCropData: {size: [64, 64], max_tries: 50, keep_ratio: true}
      - MakeBorderMap: {shrink_ratio: 0.4, thresh_min: 0.3, thresh_max: 0.7}
      - MakeShrinkMap: {shrink_ratio: 0.4, min_text_size: 4}
      - NormalizeImage: {scale: 1./255., mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], order: hwc}
      - ToCHWImage:
      - KeepKeys: {keep_keys: [image, threshold_map, threshold_mask, shrink_map, shrink_mask]}
  loader: {shuffle: True, drop_last: False, batch_size_per_card: 4, num_workers: 8}
Eval:
  dataset:
    name: SimpleDataSet
    data_dir: ./
    label_file_list: [./test.txt]
    transforms:
      - DecodeImage: {img_mode: BGR, channel_first: False}
      - DetLabelEncode:
      - DetResizeForTest: {image_shape: [96, 96]}
      - NormalizeImage: {scale: 1./255., mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], order: hwc}
      - ToCHWImage:
      - KeepKeys: {keep_keys: [image, shape, polys, ignore_tags]}
  loader: {shuffle: False, drop_last: False, batch_size_per_card: 1, num_workers: 2}
`;
