/** A colour of the plots, as it is on light and on dark ground. */
interface Shade {
  readonly light: string;
  readonly dark: string;
}

/**
 * Colours that tell groups apart, also with a colour vision deficiency: Okabe and Ito 2008, "Color
 * Universal Design", without yellow and black; lightened for dark ground. Symbols differ as well.
 */
const MARKS: readonly Shade[] = [
  { light: "#0072b2", dark: "#56a8de" },
  { light: "#d55e00", dark: "#f08a4a" },
  { light: "#009e73", dark: "#3fcfa0" },
  { light: "#b8508f", dark: "#e08fc0" },
  { light: "#b87a00", dark: "#e9ac35" },
  { light: "#4a7fa8", dark: "#8cc6ec" },
];

const INK: Shade = { light: "#1d2126", dark: "#e6e8ea" };
const SOFT: Shade = { light: "#5d666e", dark: "#a3adb5" };
const RULE: Shade = { light: "#dcdad5", dark: "#343c43" };
const QUIET: Shade = { light: "#a9b0b5", dark: "#6a757d" };
const CURVE: Shade = { light: "#0b6e6e", dark: "#4fc1b8" };

/** Colours as written into pictures: those for light ground. */
export const colours: {
  readonly ink: string;
  readonly soft: string;
  readonly rule: string;
  /** Marks that are not among the best. */
  readonly quiet: string;
  readonly curve: string;
  readonly marks: readonly string[];
} = {
  ink: INK.light,
  soft: SOFT.light,
  rule: RULE.light,
  quiet: QUIET.light,
  curve: CURVE.light,
  marks: MARKS.map(({ light }) => light),
};

/** Symbols by mark, so that colour is not the only difference. */
export const symbols: readonly string[] = [
  "circle",
  "rect",
  "triangle",
  "diamond",
  "path://M-1.5,-5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
  "path://M0,5L-5.5,-4h11z",
];

/** Style sheet of a plot: swaps each colour for its counterpart where the reader prefers dark. */
export function darkStyle(scope: string): string {
  const shades = [INK, SOFT, RULE, QUIET, CURVE, ...MARKS];
  const rules = shades
    .flatMap(({ light, dark }) =>
      ["fill", "stroke"].map((name) => `${scope} [${name}="${light}"]{${name}:${dark}}`),
    )
    .join("");
  return `@media(prefers-color-scheme:dark){${rules}}`;
}

/** Of all text in pictures. */
export const fontFamily: string = "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif";

/** A name that fits into about `length` letters: its middle is left out. */
export function shorten(name: string, length: number): string {
  if (name.length <= length) return name;
  const head = Math.ceil((length - 1) / 2);
  return `${name.slice(0, head)}…${name.slice(name.length - (length - 1 - head))}`;
}
