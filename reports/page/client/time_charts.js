/**
 * Charts over time: the course of a run as lines, and queues by time as a heat map. Pure, see
 * charts.js.
 *
 * @module
 */

import { lineLook, markLines, scaleLook } from "./chart_look.js";
import { formatSi, formatTick, formatValue } from "./format.js";

/** Steps of the heat map's colours, as palette.ts has them. */
const HEAT_STEPS = 6;
/** Width of a step of an axis of time at least, pixels. */
const TICK_WIDTH = 85;
/** Rows that an axis can name one by one. */
const NAMED_ROWS = 16;
/** Rows that are read out; the table and the files have all. */
const SPOKEN_ROWS = 16;

/** Name and unit of what a heat map shows. */
const HEAT_WORDS = {
  rx_packets: (value) => `${formatSi(value)} packets`,
  interrupts: (value) => `${formatSi(value)} interrupts`,
  itr_rx_usecs: (value) => `${value} µs`,
  busy_permille: (value) => `${value / 10} % busy`,
};

/** An axis of time: nanoseconds from the end of the warm-up. */
function timeScale(look, until, extra) {
  return scaleLook(look, {
    type: "linear",
    min: 0,
    max: until,
    grid: { display: false },
    afterBuildTicks: evenTicks,
    ticks: {
      callback: (value) => value === 0 ? "0" : formatTick(value, "ns"),
    },
    ...extra,
  });
}

/** Ticks at 1, 2 or 5 of a decade, as many as have room: the end of the run needs none. */
function evenTicks(axis) {
  const least = axis.max / Math.max(2, Math.floor(axis.chart.width / TICK_WIDTH));
  const decade = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find((lead) => lead * decade >= least * 0.999) * decade;
  const count = Math.floor(axis.max / step * 1.0001) + 1;
  axis.ticks = Array.from({ length: count }, (_, index) => ({ value: index * step }));
}

/** "80 ms to 82.5 ms". */
function sliceName(figure, slice) {
  return stretchName(figure, slice, slice + 1);
}

function stretchName(figure, from, to) {
  return [from, to].map((each) => formatTick(each * figure.slice_ns, "ns")).join(" to ");
}

/** One measure over time, a line per policy. */
export function timelineConfig(figure, look, hidden, panel) {
  const { unit, lines, title } = figure.panels[panel];
  const sliceCount = lines[0].values.length;
  const shown = lines.filter(({ variant }) => !hidden.has(variant));
  const datasets = shown.map(({ variant: index, values }) => ({
    ...lineLook(look.variants[index], sliceCount, index, 16),
    borderWidth: 1.75,
    spanGaps: true,
    // In the middle of its slice, because a value is of the whole of it.
    data: values.map((value, slice) => ({ x: (slice + 0.5) * figure.slice_ns, y: value })),
  }));
  return {
    type: "line",
    data: { datasets },
    options: {
      interaction: { mode: "index", intersect: false },
      layout: { padding: { top: figure.marks.length > 0 ? 16 : 4 } },
      scales: {
        x: timeScale(look, sliceCount * figure.slice_ns),
        y: scaleLook(look, {
          beginAtZero: true,
          // Nothing at all must not fill the height.
          suggestedMax: unit === "share" ? 0.1 : 1,
          ticks: { maxTicksLimit: 6, callback: (value) => formatTick(value, unit) },
        }),
      },
      plugins: {
        annotation: markLines(figure, look, "end"),
        tooltip: {
          callbacks: {
            title: (items) =>
              items.length === 0 ? "" : `${title}, ${sliceName(figure, items[0].dataIndex)}`,
            label: (item) => `${item.dataset.label} ${formatValue(item.parsed.y, unit)}`,
          },
        },
      },
    },
  };
}

/** Queues (or CPUs) by time, darker for more. Neighbours of one colour are one cell. */
export function heatConfig(figure, look, _hidden, panel) {
  const measure = look.heat;
  const rows = figure.panels[panel].rows[measure];
  const isCpu = measure === "busy_permille";
  const names = figure.panels[panel][isCpu ? "cpus" : "queues"];
  const cells = rows.flatMap((values, row) => cellsOf(values, row, figure.most[measure]));
  // One colour after the other: in the drawing each is then a single path.
  cells.sort((a, b) => a.level - b.level);
  const until = figure.slice_count * figure.slice_ns;
  const pixels = (chart, axis, from, to) => {
    const scale = chart.scales[axis];
    return scale === undefined
      ? 0
      : Math.abs(scale.getPixelForValue(to) - scale.getPixelForValue(from));
  };
  return {
    type: "matrix",
    data: {
      datasets: [{
        data: cells.map((cell) => ({ x: cell.from * figure.slice_ns, y: cell.row, cell })),
        anchorX: "left",
        width: ({ chart, dataIndex }) =>
          pixels(chart, "x", 0, (cells[dataIndex].to - cells[dataIndex].from) * figure.slice_ns),
        height: ({ chart }) => Math.max(1, pixels(chart, "y", 0, 1) - 1),
        backgroundColor: ({ dataIndex }) => look[`heat-${cells[dataIndex]?.level ?? 1}`],
        borderWidth: 0,
      }],
    },
    options: {
      layout: { padding: { top: figure.marks.length > 0 ? 16 : 4 } },
      scales: {
        x: timeScale(look, until, { offset: false }),
        y: scaleLook(look, {
          type: "linear",
          reverse: true,
          offset: false,
          min: -0.5,
          max: names.length - 0.5,
          grid: { display: false },
          title: isCpu ? "CPU" : "queue",
          afterBuildTicks: (axis) => {
            const step = Math.ceil(names.length / NAMED_ROWS);
            axis.ticks = names.map((_, row) => ({ value: row }))
              .filter((_, row) => row % step === 0);
          },
          ticks: { autoSkip: false, callback: (row) => String(names[row] ?? "") },
        }),
      },
      plugins: {
        annotation: markLines(figure, look, "start"),
        tooltip: {
          callbacks: {
            title: (items) => items.length === 0 ? "" : heatPlace(figure, items[0].raw.cell, names),
            label: ({ raw: { cell: { low, high } } }) => {
              const write = HEAT_WORDS[measure];
              return low === high ? write(low) : `${write(low)} to ${write(high)}`;
            },
          },
        },
      },
    },
  };
}

/** Stretches of a row in one colour; those without anything have none. */
function cellsOf(values, row, most) {
  const cells = [];
  values.forEach((value, slice) => {
    const level = Math.min(HEAT_STEPS, Math.ceil(HEAT_STEPS * value / most));
    const last = cells.at(-1);
    if (level === 0) return;
    if (last?.to === slice && last.level === level) {
      last.to = slice + 1;
      last.low = Math.min(last.low, value);
      last.high = Math.max(last.high, value);
    } else cells.push({ row, level, from: slice, to: slice + 1, low: value, high: value });
  });
  return cells;
}

/** "3, 80 ms to 85 ms" for a cell. */
function heatPlace(figure, { row, from, to }, names) {
  return `${names[row]}, ${stretchName(figure, from, to)}`;
}

/** Words for one slice of a timeline. */
export function describeTimeline(figure, look, hidden, slice, panel) {
  const { title, unit, lines } = figure.panels[panel];
  const values = lines.filter(({ variant }) => !hidden.has(variant)).map((line) => {
    const value = line.values[slice];
    const words = value === null ? "too few samples" : formatValue(value, unit);
    return `${look.variants[line.variant].label} ${words}`;
  });
  return `${title}, ${sliceName(figure, slice)}: ${values.join(", ")}`;
}

/** Words for one slice of a heat map: every row that has something. */
export function describeHeat(figure, look, _hidden, slice, panel) {
  const measure = look.heat;
  const { rows, variant, cpus, queues } = figure.panels[panel];
  const isCpu = measure === "busy_permille";
  const all = rows[measure].map((values, row) => ({
    name: `${isCpu ? "CPU" : "queue"} ${(isCpu ? cpus : queues)[row]}`,
    value: values[slice],
  })).filter(({ value }) => value > 0);
  const told = all.slice(0, SPOKEN_ROWS)
    .map(({ name, value }) => `${name} ${HEAT_WORDS[measure](value)}`);
  const rest = all.length > told.length ? [`and ${all.length - told.length} more`] : [];
  const words = told.length === 0 ? ["nothing"] : [...told, ...rest];
  return `${look.variants[variant].label}, ${sliceName(figure, slice)}: ${words.join(", ")}`;
}

/** Positions of the cells of a heat map that a slice lies in. */
export function cellsAt(chart, slice) {
  return chart.data.datasets[0].data.flatMap(({ cell }, index) =>
    cell.from <= slice && slice < cell.to ? [{ datasetIndex: 0, index }] : []
  );
}
