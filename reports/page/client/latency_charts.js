/**
 * Charts of latency distributions: percentile curve, complementary distribution (CCDF), ratio to
 * the stock default by percentile. Pure, see charts.js.
 *
 * @module
 */

import { band, decades, levelLine, lineLook, oneTwoFive, scaleLook } from "./chart_look.js";
import { formatNs, formatRatio, formatTick, percentileLabel } from "./format.js";

/** Shares at which the percentile axis has a tick. */
const PERCENTILE_TICKS = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];

/** Points from marker to marker of a curve. */
const MARKER_EVERY = 8;

/** Percentile curves, or CCDF where the reader chose it. */
export function curveConfig(figure, look, hidden) {
  if (look.scale === "boxes") return boxesConfig(figure, look, hidden);
  const isCcdf = look.scale === "ccdf";
  const curves = figure.curves.filter((curve) => !hidden.has(curve.variant));
  const step = (k) => 2 ** (k / figure.points_per_octave);
  const datasets = curves.map((curve) => ({
    ...lineLook(
      look.variants[curve.variant],
      curve.latency_ns.length,
      curve.variant,
      MARKER_EVERY,
    ),
    data: curve.latency_ns.map((ns, k) =>
      isCcdf ? { x: ns, y: 1 / step(k) } : { x: step(k), y: ns }
    ),
  }));
  const pointCount = Math.max(1, ...curves.map((curve) => curve.latency_ns.length));
  const options = isCcdf ? ccdfOptions(look) : percentileOptions(look, step(pointCount - 1));
  return { type: "line", data: { datasets }, options };
}

/** Quartiles as a box and p1 to p99 as whiskers, for a first look at how wide latencies lie. */
function boxesConfig(figure, look, hidden) {
  const curves = figure.curves.filter((curve) => !hidden.has(curve.variant));
  const colours = curves.map((curve) => look.variants[curve.variant].colour);
  const statistics = curves.map(({ box: { p1, p25, p50, p75, p99 } }) => ({
    min: p1,
    q1: p25,
    median: p50,
    q3: p75,
    max: p99,
    whiskerMin: p1,
    whiskerMax: p99,
    items: [],
    outliers: [],
  }));
  return {
    type: "boxplot",
    data: {
      labels: curves.map((curve) => look.variants[curve.variant].label),
      datasets: [{
        data: statistics,
        borderColor: colours,
        borderWidth: 2,
        backgroundColor: look.sunken,
        medianColor: look.text,
        meanRadius: 0,
        maxBarThickness: 34,
      }],
    },
    options: {
      indexAxis: "y",
      scales: {
        x: scaleLook(look, {
          type: "logarithmic",
          afterBuildTicks: oneTwoFive,
          ticks: { callback: (value) => formatTick(value, "ns") },
        }),
        y: scaleLook(look, {
          type: "category",
          grid: { display: false },
          ticks: { color: look.text, autoSkip: false },
        }),
      },
      plugins: {
        tooltip: {
          callbacks: {
            label: ({ dataIndex }) => boxWords(curves[dataIndex].box),
          },
        },
      },
    },
  };
}

/** "p1 20 µs, quartiles 25 µs, 26 µs and 27 µs, p99 40 µs". */
export function boxWords({ p1, p25, p50, p75, p99 }) {
  const [first, low, middle, high, last] = [p1, p25, p50, p75, p99].map(formatNs);
  return `p1 ${first}, quartiles ${low}, ${middle} and ${high}, p99 ${last}`;
}

function percentileScale(look, xMax, shares) {
  return scaleLook(look, {
    type: "logarithmic",
    min: 1,
    max: xMax,
    afterBuildTicks: (axis) => {
      axis.ticks = shares.map((share) => ({ value: 1 / (1 - share) }))
        .filter((tick) => tick.value <= xMax * 1.001);
    },
    ticks: { autoSkip: false, callback: percentileLabel },
  });
}

function percentileOptions(look, xMax) {
  return {
    interaction: { mode: "index", intersect: false },
    scales: {
      x: percentileScale(look, xMax, PERCENTILE_TICKS),
      y: scaleLook(look, {
        type: look.scale === "log" ? "logarithmic" : "linear",
        beginAtZero: look.scale !== "log",
        ticks: { maxTicksLimit: 7, callback: (value) => formatTick(value, "ns") },
        ...(look.scale === "log" ? { afterBuildTicks: oneTwoFive } : {}),
      }),
    },
    plugins: {
      tooltip: {
        callbacks: {
          title: (items) => items.length === 0 ? "" : percentileLabel(items[0].parsed.x),
          label: (item) => `${item.dataset.label} ${formatNs(item.parsed.y)}`,
        },
      },
    },
  };
}

function ccdfOptions(look) {
  return {
    interaction: { mode: "nearest", intersect: false },
    scales: {
      x: scaleLook(look, {
        type: "logarithmic",
        title: "latency",
        afterBuildTicks: oneTwoFive,
        ticks: { callback: (value) => formatTick(value, "ns") },
      }),
      y: scaleLook(look, {
        type: "logarithmic",
        max: 1,
        title: "share of transactions that took longer",
        afterBuildTicks: decades,
        ticks: { callback: shareLabel },
      }),
    },
    plugins: {
      tooltip: {
        callbacks: {
          title: () => "",
          label: (item) =>
            `${item.dataset.label}: ${shareLabel(item.parsed.y)} above ${formatNs(item.parsed.x)}`,
        },
      },
    },
  };
}

/** "10 %", "0.01 %", of a share. */
function shareLabel(share) {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** Ratio to the reference by percentile: median as line, interval or range as band. */
export function differenceConfig(figure, look, _hidden, panel) {
  const { variant: index, median, low, high } = figure.panels[panel];
  const variant = look.variants[index];
  const xs = median.map((_, k) => 2 ** (k / figure.points_per_octave));
  // All panels share their axes, so that they can be compared at a glance.
  const all = figure.panels.flatMap((each) => [...each.low, ...each.high]);
  const xMax = 2 **
    ((Math.max(...figure.panels.map((each) => each.median.length)) - 1) / figure.points_per_octave);
  return {
    type: "line",
    plugins: [band(xs, low, high, variant.colour)],
    data: {
      datasets: [{
        ...lineLook(variant, median.length, index, MARKER_EVERY),
        pointRadius: 0,
        data: median.map((ratio, k) => ({ x: xs[k], y: ratio })),
      }],
    },
    options: {
      interaction: { mode: "index", intersect: false },
      scales: {
        // A narrow panel has no room for 0 % beside 50 %.
        x: percentileScale(look, xMax, PERCENTILE_TICKS.slice(1)),
        y: scaleLook(look, {
          type: "logarithmic",
          min: Math.min(0.8, ...all) * 0.97,
          max: Math.max(1.25, ...all) * 1.03,
          afterBuildTicks: ratioTicks,
          ticks: { callback: (value) => `${Number(value.toPrecision(2))}×` },
        }),
      },
      plugins: {
        annotation: levelLine(1, look),
        tooltip: {
          callbacks: {
            title: (items) => items.length === 0 ? "" : percentileLabel(items[0].parsed.x),
            label: (item) =>
              `${formatRatio(item.parsed.y)} (${
                [low, high].map((each) => formatRatio(each[item.dataIndex])).join(" to ")
              })`,
          },
        },
      },
    },
  };
}

/** Ratios worth a tick, as many as there is room for. */
function ratioTicks(axis) {
  const ratios = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];
  const near = [0.8, 1, 1.25];
  const inside = (all) => all.filter((ratio) => ratio >= axis.min && ratio <= axis.max);
  const found = inside(ratios).length > 1 ? inside(ratios) : inside(near);
  axis.ticks = found.map((value) => ({ value }));
}
