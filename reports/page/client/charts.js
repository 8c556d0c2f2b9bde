/**
 * Turns the data of a figure into a Chart.js configuration. Pure: the look (colours, sizes) is an
 * argument, so that screen and print draw the same chart in their own theme.
 *
 * @module
 */

import { barsConfig, cpuConfig } from "./bar_charts.js";
import { formatNs, formatRatio, formatValue, percentileLabel } from "./format.js";
import { boxWords, curveConfig, differenceConfig } from "./latency_charts.js";
import { historyConfig, loadConfig, tradeoffConfig } from "./plane_charts.js";
import {
  cellsAt,
  describeHeat,
  describeTimeline,
  heatConfig,
  timelineConfig,
} from "./time_charts.js";

const CONFIGS = {
  bars: barsConfig,
  cpu: cpuConfig,
  curve: curveConfig,
  difference: differenceConfig,
  heat: heatConfig,
  history: historyConfig,
  load: loadConfig,
  timeline: timelineConfig,
  tradeoff: tradeoffConfig,
};

/**
 * @param {object} figure Data of one chart, see figures/kinds.ts.
 * @param {object} look Theme colours, variants with colour, dash and marker, latency scale.
 * @param {Set<number>} hidden Indices of variants that the legend hides.
 * @param {number} panel Which drawing of a figure that has several.
 * @returns {object} Configuration for `new Chart`.
 */
export function chartConfig(figure, look, hidden, panel = 0) {
  const config = CONFIGS[figure.kind](figure, look, hidden, panel);
  config.options = {
    ...config.options,
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    font: { family: look.font },
    plugins: {
      ...config.options.plugins,
      legend: { display: false },
      tooltip: {
        backgroundColor: look.text,
        titleColor: look.ground,
        bodyColor: look.ground,
        displayColors: false,
        cornerRadius: 4,
        padding: 8,
        ...config.options.plugins?.tooltip,
      },
    },
  };
  return config;
}

/**
 * Words for the point that the keyboard has reached.
 *
 * @param {object} figure
 * @param {object} look
 * @param {Set<number>} hidden
 * @param {number} position Bar, point of the curves, CPU, policy, load or interval.
 * @param {number} panel
 * @returns {string}
 */
export function describePoint(figure, look, hidden, position, panel = 0) {
  return DESCRIPTIONS[figure.kind](figure, look, hidden, position, panel);
}

/** "p99 31 µs" or "achieved 50 ktrans/s" of one load. */
function loadWords(point, shown) {
  if (shown === "achieved") return `achieved ${formatValue(point.achieved, "trans/s")}`;
  const ns = point[`${shown}_ns`];
  return ns === null ? `too few samples for a ${shown}` : `${shown} ${formatNs(ns)}`;
}

const DESCRIPTIONS = {
  heat: describeHeat,
  timeline: describeTimeline,
  bars(figure, look, hidden, position) {
    const bar = figure.bars.filter((each) => !hidden.has(each.variant))[position];
    const write = (value) => formatValue(value, figure.unit);
    const span = bar.low === bar.high ? "" : `, ${write(bar.low)} to ${write(bar.high)}`;
    return `${look.variants[bar.variant].label}: median ${write(bar.median)}${span}`;
  },
  curve(figure, look, hidden, position) {
    if (look.scale === "boxes") {
      const curve = figure.curves.filter((each) => !hidden.has(each.variant))[position];
      return `${look.variants[curve.variant].label}: ${boxWords(curve.box)}`;
    }
    const at = percentileLabel(2 ** (position / figure.points_per_octave));
    const values = figure.curves
      .filter((each) => !hidden.has(each.variant) && position < each.latency_ns.length)
      .map((each) => `${look.variants[each.variant].label} ${formatNs(each.latency_ns[position])}`);
    return `${at}: ${values.join(", ")}`;
  },
  difference(figure, look, _hidden, position, panel) {
    const { variant, median, low, high } = figure.panels[panel];
    const [middle, from, to] = [median, low, high].map((each) => formatRatio(each[position]));
    return `${percentileLabel(2 ** (position / figure.points_per_octave))}: ` +
      `${look.variants[variant].label} ${middle} of ${figure.reference}, ${from} to ${to}`;
  },
  cpu(figure, look, _hidden, position, panel) {
    const { cpus, shares } = figure.panels[panel];
    const parts = look.parts.map(({ key }) =>
      `${key} ${(shares[key][position] * 100).toFixed(1)} %`
    );
    return `CPU ${cpus[position]}: ${parts.join(", ")}`;
  },
  tradeoff(figure, look, hidden, position) {
    const point = figure.points.filter((each) => !hidden.has(each.variant))[position];
    const place = [[figure.y, point.y], [figure.x, point.x]].map(([axis, value]) =>
      `${axis.title} ${formatValue(value, axis.unit)}`
    );
    return `${look.variants[point.variant].label}: ${place.join(", ")}`;
  },
  load(figure, look, hidden, position, panel) {
    const shown = figure.panels[panel];
    const said = figure.lines.filter((line) => !hidden.has(line.variant)).flatMap((line) => {
      const point = line.points[position];
      if (point === undefined) return [];
      const words = loadWords(point, shown) + (point.is_saturated ? ", saturated" : "");
      return [`${look.variants[line.variant].label} ${words}`];
    });
    const offered = figure.lines.flatMap((line) => line.points[position] ?? [])[0]?.offered ?? 0;
    return `${formatValue(offered, "trans/s")} offered: ${said.join("; ")}`;
  },
  history(figure, look, hidden, position) {
    const values = figure.lines.filter((line) => !hidden.has(line.variant)).flatMap((line) => {
      const value = line.medians[position];
      return value === null
        ? []
        : [`${look.variants[line.variant].label} ${formatValue(value, figure.unit)}`];
    });
    return `${figure.sets[position]}: ${values.join(", ")}`;
  },
};

/**
 * How many places the arrow keys go through: bars, points of a curve, slices of time.
 *
 * @param {object} figure
 * @param {object} chart Of Chart.js.
 * @returns {number}
 */
export function placeCount(figure, chart) {
  if (figure.kind === "heat") return figure.slice_count;
  return Math.max(...chart.data.datasets.map((dataset) => pointCount(chart, dataset)));
}

/**
 * What stands at such a place.
 *
 * @param {object} figure
 * @param {object} chart Of Chart.js.
 * @param {number} place
 * @returns {{ datasetIndex: number, index: number }[]}
 */
export function elementsAt(figure, chart, place) {
  if (figure.kind === "heat") return cellsAt(chart, place);
  return chart.data.datasets.flatMap((dataset, datasetIndex) =>
    place < pointCount(chart, dataset) ? [{ datasetIndex, index: place }] : []
  );
}

/** Dots of seeds on bars, and the line through a trade-off, are not visited by the keyboard. */
function pointCount(chart, dataset) {
  const isExtra = chart.config.type === "bar"
    ? dataset.type === "scatter"
    : dataset.pointHitRadius === 0;
  return isExtra ? 0 : dataset.data.length;
}
