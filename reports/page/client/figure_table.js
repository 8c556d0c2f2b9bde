/**
 * The numbers of a chart as rows, for its CSV, JSON and Markdown. Pure. Numbers keep all their
 * digits; the unit stands in the head of the column.
 *
 * @module
 */

import { csvText, markdownText } from "./export.js";
import { percentileLabel } from "./format.js";

/**
 * @param {object} figure Data of one chart, see figures/kinds.ts.
 * @param {readonly { label: string }[]} variants
 * @param {Set<number>} hidden Indices of variants to leave out.
 * @returns {{ heads: string[], rows: (string | number | null)[][] }}
 */
export function figureTable(figure, variants, hidden) {
  const isShown = ({ variant }) => !hidden.has(variant);
  const labelOf = ({ variant }) => variants[variant].label;
  return TABLES[figure.kind](figure, isShown, labelOf);
}

const TABLES = {
  bars(figure, isShown, labelOf) {
    const unit = figure.unit;
    return {
      heads: ["policy", `median ${unit}`, `low ${unit}`, `high ${unit}`, `values ${unit}`],
      rows: figure.bars.filter(isShown)
        .map((bar) => [labelOf(bar), bar.median, bar.low, bar.high, bar.values.join(" ")]),
    };
  },
  curve(figure, isShown, labelOf) {
    return {
      heads: ["policy", "percentile", "latency ns"],
      rows: figure.curves.filter(isShown).flatMap((curve) => [
        ...curve.latency_ns.map((ns, k) => [labelOf(curve), percentileAt(figure, k), ns]),
        ...["p1", "p25"].map((name) => [labelOf(curve), `${name.slice(1)} %`, curve.box[name]]),
      ]),
    };
  },
  difference(figure, isShown, labelOf) {
    return {
      heads: ["policy", "percentile", `ratio to ${figure.reference}`, "low", "high"],
      rows: figure.panels.filter(isShown).flatMap((panel) =>
        panel.median.map((ratio, k) => [
          labelOf(panel),
          percentileAt(figure, k),
          ratio,
          panel.low[k],
          panel.high[k],
        ])
      ),
    };
  },
  cpu(figure, isShown, labelOf) {
    const parts = Object.keys(figure.panels[0].shares);
    return {
      heads: ["policy", "CPU", ...parts.map((part) => `${part} share`)],
      rows: figure.panels.filter(isShown).flatMap((panel) =>
        panel.cpus.map((
          cpu,
          k,
        ) => [labelOf(panel), cpu, ...parts.map((part) => panel.shares[part][k])])
      ),
    };
  },
  tradeoff(figure, isShown, labelOf) {
    const { x, y } = figure;
    return {
      heads: [
        "policy",
        `${x.title} ${x.unit}`,
        `${y.title} ${y.unit}`,
        "interrupts per second",
        "unbeaten",
      ],
      rows: figure.points.filter(isShown).map((point) => [
        labelOf(point),
        point.x,
        point.y,
        point.interrupts_per_second,
        point.is_on_front ? "yes" : "no",
      ]),
    };
  },
  load(figure, isShown, labelOf) {
    return {
      heads: [
        "policy",
        "offered trans/s",
        "achieved trans/s",
        "p50 latency ns",
        "p99 latency ns",
        "saturated",
      ],
      rows: figure.lines.filter(isShown).flatMap((line) =>
        line.points.map((point) => [
          labelOf(line),
          point.offered,
          point.achieved,
          point.p50_ns,
          point.p99_ns,
          point.is_saturated ? "yes" : "no",
        ])
      ),
    };
  },
  timeline(figure, isShown, labelOf) {
    const { panels } = figure;
    const count = Math.max(0, ...panels.map(({ lines }) => lines[0].values.length));
    return {
      heads: ["policy", "measure", ...sliceHeads(figure, count)],
      rows: panels.flatMap(({ title, unit, lines }) =>
        lines.filter(isShown).map((line) => [labelOf(line), `${title} ${unit}`, ...line.values])
      ),
    };
  },
  heat(figure, isShown, labelOf) {
    return {
      heads: ["policy", "measure", ...sliceHeads(figure, figure.slice_count)],
      rows: figure.panels.filter(isShown).flatMap((panel) =>
        Object.entries(panel.rows).flatMap(([measure, rows]) => {
          const [kind, names] = measure === "busy_permille"
            ? ["CPU", panel.cpus]
            : ["queue", panel.queues];
          return rows.map((values, row) => [
            labelOf(panel),
            `${measure} of ${kind} ${names[row]}`,
            ...values,
          ]);
        })
      ),
    };
  },
  map(figure, isShown, labelOf) {
    return {
      heads: [
        "policy",
        "queue",
        "CPU",
        "node",
        "list",
        "share of rx packets",
        "rx packets",
        "tx packets",
        "interrupts",
      ],
      rows: figure.panels.filter(isShown).flatMap((panel) =>
        panel.queues.map((queue) => [
          labelOf(panel),
          queue.queue,
          queue.cpu,
          queue.node,
          queue.list,
          queue.rx_share,
          queue.rx_packets,
          queue.tx_packets,
          queue.interrupts,
        ])
      ),
    };
  },
  history(figure, isShown, labelOf) {
    return {
      heads: ["policy", "set", `median ${figure.unit}`, "new level"],
      rows: figure.lines.filter(isShown).flatMap((line) =>
        line.medians.map((median, at) => [
          labelOf(line),
          figure.sets[at],
          median,
          line.changes.includes(at) ? "yes" : "no",
        ])
      ),
    };
  },
};

/** Where each slice begins. */
function sliceHeads(figure, count) {
  return Array.from({ length: count }, (_, slice) => `${slice * figure.slice_ns / 1e6} ms`);
}

function percentileAt(figure, k) {
  return percentileLabel(2 ** (k / figure.points_per_octave));
}

/** @param {{ heads: string[], rows: (string | number | null)[][] }} table */
export function tableToCsv({ heads, rows }) {
  return csvText([heads, ...rows.map((row) => row.map(fieldText))]);
}

/** @param {{ heads: string[], rows: (string | number | null)[][] }} table */
export function tableToMarkdown({ heads, rows }) {
  return markdownText(heads, rows.map((row) => row.map(fieldText)), 1);
}

/** Nothing for what is not known. */
function fieldText(value) {
  return value === null || value === undefined ? "" : String(value);
}
