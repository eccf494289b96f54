// Trains in a process of its own, to be killed: `training-child.ts KIND FOLDER`. Prints each update.
import { trainKind } from "./training-kinds.ts";

const [, , kind = "", folder = ""] = process.argv;
await trainKind(kind, folder, (update) => void process.stdout.write(`${update}\n`));
