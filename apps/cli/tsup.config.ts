import type { Options } from "tsup";
import { shared } from "../../tsup.config.ts";

const options: Options = { ...shared, entry: ["src/index.ts", "src/bin.ts"] };

export default options;
