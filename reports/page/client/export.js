// @ts-check
/**
 * The page's values as CSV and as a Markdown table. Pure; main.js hands the text to the browser.
 *
 * @module
 */

import { formatRatio, formatValue } from "./format.js";

/**
 * @typedef {object} ExportMetric
 * @property {string} id
 * @property {string | null} group
 * @property {string} title
 * @property {string} unit
 * @property {Record<string, { seed: number, value: number }[]>} values
 * @property {Record<string, { median: number } | null>} ratio
 */
/**
 * @typedef {object} ExportSource
 * @property {string} [set] Name of the set of runs, where sets are compared.
 * @property {string} target
 * @property {string} generator
 * @property {{ name: string, metrics: ExportMetric[] }[]} workloads
 */
/** @typedef {{ key: string, label: string }} ExportVariant */

/**
 * One line per value: every seed of every metric.
 *
 * @param {readonly ExportSource[]} results
 * @returns {string} CSV of RFC 4180 with a header line.
 */
export function toCsv(results) {
  const hasSets = results.some((source) => source.set !== undefined);
  const lines = [[
    ...hasSets ? ["set"] : [],
    "target",
    "generator",
    "workload",
    "group",
    "metric",
    "unit",
    "mechanism",
    "policy",
    "seed",
    "value",
  ]];
  for (const source of results) {
    for (const workload of source.workloads) {
      for (const metric of workload.metrics) {
        for (const [key, values] of Object.entries(metric.values)) {
          const [mechanism = "", policy = ""] = key.split("/");
          for (const { seed, value } of values) {
            lines.push([
              ...hasSets ? [source.set ?? ""] : [],
              source.target,
              source.generator,
              workload.name,
              metric.group ?? "",
              metric.title,
              metric.unit,
              mechanism,
              policy,
              String(seed),
              String(value),
            ]);
          }
        }
      }
    }
  }
  return csvText(lines);
}

/**
 * CSV of RFC 4180.
 * @param {readonly (readonly string[])[]} lines
 */
export function csvText(lines) {
  return lines.map((line) => line.map(csvField).join(",") + "\r\n").join("");
}

/**
 * A table of Markdown; numbers on the right.
 * @param {readonly string[]} heads
 * @param {readonly (readonly string[])[]} rows
 * @param {number} textCount Columns of text, on the left.
 */
export function markdownText(heads, rows, textCount) {
  const line = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map(markdownCell).join(" | ")} |`;
  const rule = `|${heads.map((_, k) => k < textCount ? " --- |" : " ---: |").join("")}`;
  return [line(heads), rule, ...rows.map(line)].join("\n");
}

/**
 * A field that spreadsheets read as text or number, never as a formula.
 * @param {string} text
 */
function csvField(text) {
  const harmless = /^[=+@\t\r]|^-(?!\d)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/**
 * One table per source: medians with the ratio to the reference.
 *
 * @param {readonly ExportSource[]} results
 * @param {readonly ExportVariant[]} variants Those shown, in the order of the columns.
 * @returns {string}
 */
export function toMarkdown(results, variants) {
  return results.map((source) => {
    const head = ["Workload", "Metric", ...variants.map((variant) => variant.label)];
    const rows = source.workloads.flatMap((workload) =>
      workload.metrics.map((metric) => [
        workload.name,
        metric.group === null ? metric.title : `${metric.title} of ${metric.group}`,
        ...variants.map(({ key }) => markdownValue(metric, key)),
      ])
    );
    const set = source.set === undefined ? "" : `${markdownCell(source.set)}: `;
    return `${set}**${markdownCell(source.target)}** (${markdownCell(source.generator)})\n\n${
      markdownText(head, rows, 2)
    }\n`;
  }).join("\n");
}

/**
 * @param {ExportMetric} metric
 * @param {string} key
 */
function markdownValue(metric, key) {
  const sorted = (metric.values[key] ?? []).map((each) => each.value).sort((a, b) => a - b);
  if (sorted.length === 0) return "–";
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  const value = formatValue(((low ?? 0) + (high ?? 0)) / 2, metric.unit);
  const ratio = metric.ratio[key];
  return ratio ? `${value} (${formatRatio(ratio.median)})` : value;
}

/** @param {string} text */
function markdownCell(text) {
  return text.replace(/[\\|*_`<[\]]/g, "\\$&").replace(/[ \t\r\n]+/g, " ");
}
