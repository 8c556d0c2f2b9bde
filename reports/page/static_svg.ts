/**
 * A chart as SVG for readers without scripts: Chart.js draws it here, while the page is made, with
 * the same code as in the browser. Colours are the page's custom properties, so that they follow
 * the theme. Text is measured by an average width: the same on every machine.
 *
 * @module
 */

import { createRequire } from "node:module";
import { chartConfig } from "./client/charts.js";
import { chartSvg, svgSize } from "./client/svg.js";
import type { PageVariant } from "./context.ts";
import type { Figure } from "./figures/kinds.ts";
import { embedSvg, type Html } from "./html.ts";
import { CPU_PARTS, SERIES, SURFACE } from "./palette.ts";

const require = createRequire(import.meta.url);
const { Chart, registerables, BasicPlatform } = require("chart.js");
const { MatrixController, MatrixElement } = require("chartjs-chart-matrix");
const { BoxPlotController, BoxAndWiskers } = require("@sgratzl/chartjs-chart-boxplot");
Chart.register(
  ...registerables,
  MatrixController,
  MatrixElement,
  BoxPlotController,
  BoxAndWiskers,
  require("chartjs-plugin-annotation"),
);

/** Average width of a character, in shares of the size of the font. */
const CHARACTER_WIDTH = 0.55;

/** Stands in for the part of a drawing context that measures text. */
class Ruler {
  font = "";
  measureText(text: string): { width: number } {
    const size = Number(/(\d+(?:\.\d+)?)px/.exec(this.font)?.[1] ?? "11");
    return { width: CHARACTER_WIDTH * size * [...String(text)].length };
  }
}

/** The look in which every colour is a custom property of the page. */
function propertyLook(variants: readonly PageVariant[]): Record<string, unknown> {
  const surfaces = Object.keys(SURFACE.light).map((name) => [name, `var(--${name})`]);
  return {
    ...Object.fromEntries(surfaces),
    font: "sans-serif",
    scale: "linear",
    heat: "rx_packets",
    variants: variants.map((variant) => ({
      ...variant,
      ...SERIES[variant.slot],
      colour: `var(--series-${variant.slot})`,
    })),
    parts: CPU_PARTS.map(({ key }) => ({ key, colour: `var(--cpu-${key})` })),
  };
}

/** Draws one panel of a figure with every policy shown. */
export function staticSvg(figure: Figure, variants: readonly PageVariant[], panel: number): Html {
  const [width, height] = svgSize(figure) as [number, number];
  const config = chartConfig(figure, propertyLook(variants), new Set<number>(), panel);
  const surface = { canvas: { style: {} }, ruler: new Ruler() };
  return embedSvg(chartSvg({ Chart, BasicPlatform }, config, width, height, surface));
}
