import { shared } from "../../tsup.config.ts";

export default shared;
