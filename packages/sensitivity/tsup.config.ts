import type { Options } from "tsup";
import { shared } from "../../tsup.config.ts";

const options: Options = shared;

export default options;
