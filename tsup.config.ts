import type { Options } from "tsup";

/** What every package's own `tsup.config.ts` spreads: ESM only, with types and source maps. */
export const shared: Options = {
  entry: ["src/index.ts"],
  format: ["esm"],
  target: "es2022",
  dts: { compilerOptions: { noEmit: false, emitDeclarationOnly: true, customConditions: [] } },
  sourcemap: true,
  clean: true,
};
