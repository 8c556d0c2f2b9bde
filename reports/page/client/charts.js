/**
 * Turns the data of a figure into a Chart.js configuration. Pure: the look (colours, sizes) is an
 * argument, so that screen and print draw the same chart in their own theme.
 *
 * @module
 */

import { formatNs, formatTick, formatValue } from "./format.js";

/** Shares at which the percentile axis has a tick. */
const PERCENTILE_TICKS = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];

/** Points from marker to marker of a curve; shifted per policy, so that none hides another. */
const MARKER_EVERY = 8;

/**
 * @param {object} figure Data of one chart, see context.ts.
 * @param {object} look Theme colours, variants with colour, dash and marker, latency scale.
 * @param {Set<number>} hidden Indices of variants that the legend hides.
 * @returns {object} Configuration for `new Chart`.
 */
export function chartConfig(figure, look, hidden) {
  const config = figure.kind === "bars"
    ? barsConfig(figure, look, hidden)
    : figure.kind === "curve"
    ? curveConfig(figure, look, hidden)
    : cpuConfig(figure, look);
  config.options = {
    ...config.options,
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    font: { family: look.font },
    plugins: {
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

function scaleLook(look, extra) {
  const { ticks, ...rest } = extra;
  return {
    border: { display: false },
    grid: { color: look.line, drawTicks: false },
    ...rest,
    ticks: {
      color: look.quiet,
      padding: 6,
      maxRotation: 0,
      font: { family: look.font, size: 11 },
      ...ticks,
    },
  };
}

function barsConfig(figure, look, hidden) {
  const bars = figure.bars.filter((bar) => !hidden.has(bar.variant));
  const labels = bars.map((bar) => look.variants[bar.variant].label);
  return {
    type: "bar",
    data: {
      labels,
      datasets: [
        {
          type: "scatter",
          data: bars.flatMap((bar) =>
            bar.values.map((value) => ({ x: value, y: look.variants[bar.variant].label }))
          ),
          pointRadius: 3,
          pointHoverRadius: 3,
          borderWidth: 1.25,
          backgroundColor: look.ground,
          borderColor: look.text,
        },
        {
          type: "bar",
          data: bars.map((bar) => bar.median),
          backgroundColor: bars.map((bar) => look.variants[bar.variant].colour),
          barPercentage: 0.72,
          categoryPercentage: 0.9,
        },
      ],
    },
    options: {
      indexAxis: "y",
      scales: {
        x: scaleLook(look, {
          type: "linear",
          beginAtZero: true,
          ticks: {
            maxTicksLimit: 6,
            autoSkipPadding: 12,
            callback: (value) => formatTick(value, figure.unit),
          },
        }),
        y: scaleLook(look, {
          type: "category",
          labels,
          offset: true,
          grid: { display: false },
          ticks: { color: look.text, autoSkip: false },
        }),
      },
      plugins: {
        tooltip: {
          filter: (item) => item.datasetIndex === 1,
          callbacks: { label: (item) => `median ${formatValue(item.parsed.x, figure.unit)}` },
        },
      },
    },
  };
}

function curveConfig(figure, look, hidden) {
  const curves = figure.curves.filter((curve) => !hidden.has(curve.variant));
  const datasets = curves.map((curve) => {
    const variant = look.variants[curve.variant];
    return {
      label: variant.label,
      data: curve.latency_ns.map((ns, k) => ({ x: 2 ** (k / figure.points_per_octave), y: ns })),
      borderColor: variant.colour,
      backgroundColor: variant.colour,
      borderDash: variant.dash,
      borderWidth: 2,
      // With a segment option Chart.js strokes directly; its cached Path2D could not be printed.
      segment: {},
      pointStyle: variant.marker,
      pointRadius: curve.latency_ns.map((_, k) =>
        k % MARKER_EVERY === curve.variant % MARKER_EVERY ? 4 : 0
      ),
      pointHoverRadius: 5,
    };
  });
  const pointCount = Math.max(1, ...curves.map((curve) => curve.latency_ns.length));
  const xMax = 2 ** ((pointCount - 1) / figure.points_per_octave);
  return {
    type: "line",
    data: { datasets },
    options: {
      interaction: { mode: "index", intersect: false },
      scales: {
        x: scaleLook(look, {
          type: "logarithmic",
          min: 1,
          max: xMax,
          title: { display: true, text: "percentile", color: look.quiet },
          afterBuildTicks: (axis) => {
            axis.ticks = PERCENTILE_TICKS.map((share) => ({ value: 1 / (1 - share) }))
              .filter((tick) => tick.value <= xMax * 1.001);
          },
          ticks: { autoSkip: false, callback: percentileLabel },
        }),
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
    },
  };
}

/** Ticks of a logarithmic axis at 1, 2 and 5 of each decade; no others have room for a label. */
function oneTwoFive(axis) {
  axis.ticks = axis.ticks.filter(({ value }) => {
    const lead = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
    return [1, 2, 5].some((digit) => Math.abs(lead - digit) < 1e-6);
  });
}

/** x = 1/(1-q) as a percentile, with as many nines as it needs. */
export function percentileLabel(x) {
  const digits = Math.max(0, Math.floor(Math.log10(x) + 1e-9) - 1);
  return `${Number((100 * (1 - 1 / x)).toFixed(digits + (x < 10 ? 0 : 1)))} %`;
}

function cpuConfig(figure, look) {
  const datasets = look.parts.map((part) => ({
    label: part.key,
    data: figure.shares[part.key].map((share) => share * 100),
    backgroundColor: part.colour,
    borderColor: look.ground,
    borderWidth: { top: 1, bottom: 0, left: 0, right: 0 },
    barPercentage: 0.94,
    categoryPercentage: 0.94,
  }));
  return {
    type: "bar",
    data: { labels: figure.cpus.map(String), datasets },
    options: {
      interaction: { mode: "index", intersect: false },
      scales: {
        x: scaleLook(look, { stacked: true, grid: { display: false } }),
        y: scaleLook(look, {
          stacked: true,
          min: 0,
          max: 100,
          ticks: { stepSize: 50, callback: (value) => `${value} %` },
        }),
      },
      plugins: {
        tooltip: {
          callbacks: {
            title: (items) => items.length === 0 ? "" : `CPU ${items[0].label}`,
            label: (item) => `${item.dataset.label} ${item.parsed.y.toFixed(1)} %`,
          },
        },
      },
    },
  };
}

/**
 * Words for the point that the keyboard has reached.
 *
 * @param {object} figure
 * @param {object} look
 * @param {Set<number>} hidden
 * @param {number} position Bar, point of the curves, or CPU.
 * @returns {string}
 */
export function describePoint(figure, look, hidden, position) {
  if (figure.kind === "bars") {
    const bar = figure.bars.filter((each) => !hidden.has(each.variant))[position];
    return `${look.variants[bar.variant].label}: median ${formatValue(bar.median, figure.unit)}`;
  }
  if (figure.kind === "curve") {
    const at = percentileLabel(2 ** (position / figure.points_per_octave));
    const values = figure.curves
      .filter((each) => !hidden.has(each.variant) && position < each.latency_ns.length)
      .map((each) => `${look.variants[each.variant].label} ${formatNs(each.latency_ns[position])}`);
    return `${at}: ${values.join(", ")}`;
  }
  const parts = look.parts.map(({ key }) =>
    `${key} ${(figure.shares[key][position] * 100).toFixed(1)} %`
  );
  return `CPU ${figure.cpus[position]}: ${parts.join(", ")}`;
}
