/** Configs as PaddleOCR has them, parsed; paths are of its own layout. */
type Tree = Record<string, unknown>;

const normalize = {
  NormalizeImage: {
    scale: "1./255.",
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    order: "hwc",
  },
};

/** Like `configs/det/det_mv3_db.yml`, version 2. */
export const mobileNetConfig = (): Tree => ({
  Global: {
    use_gpu: true,
    epoch_num: 1200,
    log_smooth_window: 20,
    print_batch_step: 10,
    save_model_dir: "./output/db_mv3/",
    save_epoch_step: 1200,
    eval_batch_step: [0, 2000],
    load_static_weights: true,
    cal_metric_during_train: false,
    pretrained_model: "./pretrain_models/MobileNetV3_large_x0_5_pretrained",
    checkpoints: null,
    save_inference_dir: null,
    use_visualdl: false,
    infer_img: "doc/imgs_en/img_10.jpg",
    save_res_path: "./output/det_db/predicts_db.txt",
  },
  Architecture: {
    model_type: "det",
    algorithm: "DB",
    Transform: null,
    Backbone: { name: "MobileNetV3", scale: 0.5, model_name: "large" },
    Neck: { name: "DBFPN", out_channels: 256 },
    Head: { name: "DBHead", k: 50 },
  },
  Loss: {
    name: "DBLoss",
    balance_loss: true,
    main_loss_type: "DiceLoss",
    alpha: 5,
    beta: 10,
    ohem_ratio: 3,
  },
  Optimizer: {
    name: "Adam",
    beta1: 0.9,
    beta2: 0.999,
    lr: { learning_rate: 0.001 },
    regularizer: { name: "L2", factor: 0 },
  },
  PostProcess: {
    name: "DBPostProcess",
    thresh: 0.3,
    box_thresh: 0.6,
    max_candidates: 1000,
    unclip_ratio: 1.5,
  },
  Metric: { name: "DetMetric", main_indicator: "hmean" },
  Train: {
    dataset: {
      name: "SimpleDataSet",
      data_dir: "./train_data/",
      label_file_list: ["./train_data/train.txt"],
      ratio_list: [1.0],
      transforms: [
        { DecodeImage: { img_mode: "BGR", channel_first: false } },
        { DetLabelEncode: null },
        {
          IaaAugment: {
            augmenter_args: [
              { type: "Fliplr", args: { p: 0.5 } },
              { type: "Affine", args: { rotate: [-10, 10] } },
              { type: "Resize", args: { size: [0.5, 3] } },
            ],
          },
        },
        { EastRandomCropData: { size: [640, 640], max_tries: 50, keep_ratio: true } },
        { MakeBorderMap: { shrink_ratio: 0.4, thresh_min: 0.3, thresh_max: 0.7 } },
        { MakeShrinkMap: { shrink_ratio: 0.4, min_text_size: 8 } },
        normalize,
        { ToCHWImage: null },
        { KeepKeys: { keep_keys: ["image", "threshold_map"] } },
      ],
    },
    loader: { shuffle: true, drop_last: false, batch_size_per_card: 16, num_workers: 8 },
  },
  Eval: {
    dataset: {
      name: "SimpleDataSet",
      data_dir: "./train_data/",
      label_file_list: ["./train_data/test.txt"],
      transforms: [
        { DecodeImage: { img_mode: "BGR", channel_first: false } },
        { DetLabelEncode: null },
        { DetResizeForTest: { image_shape: [736, 1280] } },
        normalize,
        { ToCHWImage: null },
        { KeepKeys: { keep_keys: ["image", "shape", "polys", "ignore_tags"] } },
      ],
    },
    loader: { shuffle: false, drop_last: false, batch_size_per_card: 1, num_workers: 8 },
  },
});

/** Like `configs/det/det_mv3_db_v1.1.yml` and the reader that it names. */
export const staticConfig = (): Tree => ({
  Global: {
    algorithm: "DB",
    use_gpu: true,
    epoch_num: 1200,
    log_smooth_window: 20,
    print_batch_step: 2,
    save_model_dir: "./output/det_db/",
    save_epoch_step: 200,
    eval_batch_step: [4000, 5000],
    train_batch_size_per_card: 16,
    test_batch_size_per_card: 16,
    image_shape: [3, 640, 640],
    reader_yml: "./configs/det/det_db_icdar15_reader.yml",
    pretrain_weights: "./pretrain_models/MobileNetV3_large_x0_5_pretrained/",
    checkpoints: null,
    save_res_path: "./output/det_db/predicts_db.txt",
    save_inference_dir: null,
    infer_img: null,
  },
  Architecture: { function: "ppocr.modeling.architectures.det_model,DetModel" },
  Backbone: {
    function: "ppocr.modeling.backbones.det_mobilenet_v3,MobileNetV3",
    scale: 0.5,
    model_name: "large",
    disable_se: true,
  },
  Head: {
    function: "ppocr.modeling.heads.det_db_head,DBHead",
    model_name: "large",
    k: 50,
    inner_channels: 96,
    out_channels: 2,
  },
  Loss: {
    function: "ppocr.modeling.losses.det_db_loss,DBLoss",
    balance_loss: true,
    main_loss_type: "DiceLoss",
    alpha: 5,
    beta: 10,
    ohem_ratio: 3,
  },
  Optimizer: {
    function: "ppocr.optimizer,AdamDecay",
    base_lr: 0.001,
    beta1: 0.9,
    beta2: 0.999,
    decay: { function: "cosine_decay_warmup", step_each_epoch: 16, total_epoch: 1200 },
  },
  PostProcess: {
    function: "ppocr.postprocess.db_postprocess,DBPostProcess",
    thresh: 0.3,
    box_thresh: 0.6,
    max_candidates: 1000,
    unclip_ratio: 1.5,
  },
  TrainReader: {
    reader_function: "ppocr.data.det.dataset_traversal,TrainReader",
    process_function: "ppocr.data.det.db_process,DBProcessTrain",
    num_workers: 8,
    img_set_dir: "./train_data/",
    label_file_path: "./train_data/train.txt",
  },
  EvalReader: {
    reader_function: "ppocr.data.det.dataset_traversal,EvalTestReader",
    process_function: "ppocr.data.det.db_process,DBProcessTest",
    img_set_dir: "./train_data/",
    label_file_path: "./train_data/test.txt",
    test_image_shape: [736, 1280],
  },
  TestReader: { infer_img: null, do_eval: true },
});

/** Puts a value at a path such as `Train.dataset.transforms.3.EastRandomCropData.size`. */
export function withValue(config: Tree, path: string, value: unknown): Tree {
  const [key = "", ...rest] = path.split(".");
  const copy = (Array.isArray(config) ? [...config] : { ...config }) as Tree;
  copy[key] =
    rest.length === 0 ? value : withValue((copy[key] ?? {}) as Tree, rest.join("."), value);
  return copy;
}
