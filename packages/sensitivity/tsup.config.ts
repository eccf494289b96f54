import type { Options } from "tsup";
import { shared } from "../../tsup.config.ts";

const options: Options = {
  ...shared,
  entry: { index: "src/index.ts", queue: "src/queue/index.ts" },
};

export default options;
