import type { EChartsCoreOption } from "echarts/core";
import { escapeHtml } from "../html.ts";
import { darkStyle } from "./palette.ts";

/** A picture to be drawn. */
export interface Plot {
  /** Short and unique on a page: prefix of the ids within the picture. */
  readonly id: string;
  readonly title: string;
  /** What the picture shows, for those who can't see it. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
  readonly option: EChartsCoreOption;
}

/** A line of text at a place, in pixels from the top left corner; for the option `graphic`. */
export function textAt(
  left: number,
  top: number,
  text: string,
  style: { readonly font: string; readonly fill: string },
): Readonly<Record<string, unknown>> {
  return { type: "text", left, top, silent: true, style: { text, ...style } };
}

/**
 * Draws a plot as an SVG that needs nothing from outside, with a title and a description, and with
 * colours for light and for dark ground. The same plot gives the same bytes.
 */
export async function renderSvg(plot: Plot): Promise<string> {
  const { id, width, height, title, description } = plot;
  const names = new Map<string, string>();
  // Heavy, and wanted by few commands: loaded where it is needed.
  const [core, charts, components, renderers] = await Promise.all([
    import("echarts/core"),
    import("echarts/charts"),
    import("echarts/components"),
    import("echarts/renderers"),
  ]);
  core.use([
    charts.LineChart,
    components.GridComponent,
    components.GraphicComponent,
    renderers.SVGRenderer,
  ]);
  const chart = core.init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption({ animation: false, silent: true, ...plot.option });
    return finish(chart.renderToSVGString());
  } finally {
    chart.dispose();
  }

  function rename(name: string): string {
    const known = names.get(name) ?? `${id}-${names.size}`;
    names.set(name, known);
    return known;
  }

  function finish(svg: string): string {
    const open = svg.indexOf(">") + 1;
    const head = `<svg class="plot" role="img" aria-labelledby="${id}-title ${id}-description" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`;
    const texts = `<title id="${id}-title">${escapeHtml(title)}</title><desc id="${id}-description">${escapeHtml(description)}</desc>`;
    const body = svg
      .slice(open)
      // Classes and such are for scripts, and class names are counted through all pictures of a process.
      .replace(/<style\s*>.*?<\/style>/gs, "")
      .replace(/ (class|pointer-events|ecmeta_\w+)="[^"]*"/g, "")
      .replace(/zr\d+-c\d+/g, (name) => rename(name));
    return `${head}${texts}<style>${darkStyle("svg.plot")}</style>${body}\n`;
  }
}
