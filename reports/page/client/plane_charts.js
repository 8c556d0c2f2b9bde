/**
 * Charts in a plane of two measures: gain against cost, latency against load, and a
 * metric over sets of runs. Pure, see charts.js.
 *
 * @module
 */

import { names, oneTwoFive, scaleLook } from "./chart_look.js";
import { formatNs, formatTick, formatValue } from "./format.js";

/** Radius of a mark without interrupts, and what the highest rate adds, pixels. */
const RADIUS_MIN = 5;
const RADIUS_SPAN = 9;

/** Gain against cost, a mark per policy, and a line through those that no other beats. */
export function tradeoffConfig(figure, look, hidden) {
  const points = figure.points.filter((point) => !hidden.has(point.variant));
  const most = Math.max(1, ...figure.points.map((point) => point.interrupts_per_second ?? 0));
  const radii = points.map((point) =>
    RADIUS_MIN + RADIUS_SPAN * Math.sqrt((point.interrupts_per_second ?? 0) / most)
  );
  const front = points.filter((point) => point.is_on_front).sort((a, b) => a.x - b.x);
  const words = points.map((point, position) => ({
    x: point.x,
    y: point.y,
    word: look.variants[point.variant].label,
    gap: radii[position] + 5,
  }));
  const axis = ({ title, unit }) =>
    scaleLook(look, {
      type: "linear",
      grace: "15%",
      title,
      ticks: { maxTicksLimit: 6, callback: (value) => formatTick(value, unit) },
    });
  return {
    type: "scatter",
    plugins: [names(words, look)],
    data: {
      datasets: [
        {
          data: points.map(({ x, y }) => ({ x, y })),
          pointStyle: points.map((point) => look.variants[point.variant].marker),
          pointRadius: radii,
          pointHoverRadius: radii,
          backgroundColor: points.map((point) => look.variants[point.variant].colour),
          borderColor: points.map((point) => look.variants[point.variant].colour),
          borderWidth: 2,
        },
        {
          data: front.map(({ x, y }) => ({ x, y })),
          showLine: true,
          segment: {},
          pointRadius: 0,
          pointHitRadius: 0,
          borderColor: look["line-strong"],
          borderWidth: 1.5,
          borderDash: [4, 3],
        },
      ],
    },
    options: {
      layout: { padding: { right: 12, top: 8 } },
      scales: { x: axis(figure.x), y: axis(figure.y) },
      plugins: {
        tooltip: {
          filter: (item) => item.datasetIndex === 0,
          callbacks: {
            label: (item) => {
              const { label } = look.variants[points[item.dataIndex].variant];
              return `${label}: ${formatValue(item.parsed.y, figure.y.unit)} at ${
                formatValue(item.parsed.x, figure.x.unit)
              }`;
            },
          },
        },
      },
    },
  };
}

/** Latency against offered load, or achieved against offered. */
export function loadConfig(figure, look, hidden, panel) {
  const lines = figure.lines.filter((line) => !hidden.has(line.variant));
  const shown = figure.panels[panel];
  const isLatency = shown !== "achieved";
  const datasets = lines.map(({ variant: index, points }) => {
    const variant = look.variants[index];
    return {
      label: variant.label,
      data: points.map((point) => ({
        x: point.offered,
        y: isLatency ? point[`${shown}_ns`] : point.achieved,
      })),
      spanGaps: false,
      segment: {},
      borderColor: variant.colour,
      borderDash: variant.dash,
      borderWidth: 2,
      pointStyle: variant.marker,
      pointRadius: 5,
      // Saturated points are hollow: there the queue grows as long as the run lasts.
      pointBackgroundColor: points.map((point) =>
        point.is_saturated ? look.ground : variant.colour
      ),
      pointBorderColor: variant.colour,
      pointBorderWidth: 2,
    };
  });
  return {
    type: "line",
    data: { datasets },
    options: {
      interaction: { mode: "index", intersect: false },
      scales: {
        x: scaleLook(look, {
          type: "linear",
          beginAtZero: true,
          title: "offered, trans/s",
          ticks: { maxTicksLimit: 7, callback: (value) => formatTick(value, "count") },
        }),
        y: scaleLook(look, {
          type: isLatency ? "logarithmic" : "linear",
          beginAtZero: !isLatency,
          title: isLatency ? `${shown} latency` : "achieved, trans/s",
          ...(isLatency ? { afterBuildTicks: oneTwoFive } : {}),
          ticks: {
            maxTicksLimit: 7,
            callback: (value) => formatTick(value, isLatency ? "ns" : "count"),
          },
        }),
      },
      plugins: {
        tooltip: {
          callbacks: {
            title: (items) =>
              items.length === 0 ? "" : `${formatValue(items[0].parsed.x, "trans/s")} offered`,
            label: (item) =>
              `${item.dataset.label} ${
                isLatency ? formatNs(item.parsed.y) : formatValue(item.parsed.y, "trans/s")
              }`,
          },
        },
      },
    },
  };
}

/** A metric over sets of runs, with a ring where its level changed. */
export function historyConfig(figure, look, hidden) {
  const datasets = figure.lines.filter((line) => !hidden.has(line.variant)).map((line) => {
    const variant = look.variants[line.variant];
    const isChange = (at) => line.changes.includes(at);
    return {
      label: variant.label,
      data: line.medians,
      segment: {},
      borderColor: variant.colour,
      borderDash: variant.dash,
      borderWidth: 2,
      pointStyle: line.medians.map((_, at) => isChange(at) ? "circle" : variant.marker),
      pointRadius: line.medians.map((_, at) => isChange(at) ? 8 : 4),
      pointBackgroundColor: line.medians.map((_, at) =>
        isChange(at) ? look.ground : variant.colour
      ),
      pointBorderColor: variant.colour,
      pointBorderWidth: 2,
    };
  });
  return {
    type: "line",
    data: { labels: [...figure.sets], datasets },
    options: {
      interaction: { mode: "index", intersect: false },
      scales: {
        x: scaleLook(look, { grid: { display: false }, ticks: { autoSkipPadding: 12 } }),
        y: scaleLook(look, {
          beginAtZero: true,
          ticks: { maxTicksLimit: 6, callback: (value) => formatTick(value, figure.unit) },
        }),
      },
      plugins: {
        tooltip: {
          callbacks: {
            label: (item) => `${item.dataset.label} ${formatValue(item.parsed.y, figure.unit)}`,
          },
        },
      },
    },
  };
}
