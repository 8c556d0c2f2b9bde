/**
 * Charts of bars: one metric per policy, and CPU time per core. Pure, see charts.js.
 *
 * @module
 */

import { scaleLook, whiskers } from "./chart_look.js";
import { formatTick, formatValue } from "./format.js";

/** Medians as bars, whiskers over interval or range, a dot per seed. */
export function barsConfig(figure, look, hidden) {
  const bars = figure.bars.filter((bar) => !hidden.has(bar.variant));
  const labels = bars.map((bar) => look.variants[bar.variant].label);
  return {
    type: "bar",
    plugins: [whiskers(bars, look)],
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

/** CPU time of one policy, a stack per CPU. */
export function cpuConfig(figure, look, _hidden, panel) {
  const { cpus, shares } = figure.panels[panel];
  const datasets = look.parts.map((part) => ({
    label: part.key,
    data: shares[part.key].map((share) => share * 100),
    backgroundColor: part.colour,
    barPercentage: 0.94,
    categoryPercentage: 0.94,
  }));
  return {
    type: "bar",
    data: { labels: cpus.map(String), datasets },
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
