import type { Options } from "tsup";
import { shared } from "../../tsup.config.ts";

const options: Options = { ...shared, entry: ["src/index.ts", "src/core.ts"] };

export default options;
