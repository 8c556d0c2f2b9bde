/**
 * The charts of a workload: for each, its data for the browser, a canvas that says its finding in
 * words, and a table of the same numbers. Drawing itself happens in client/charts.js.
 *
 * @module
 */

import type { MetricRow, WorkloadRuns } from "../cells.ts";
import type { CpuMeasurement, RunRecord } from "../../harness/record.ts";
import { type Direction, sumOf } from "../metrics.ts";
import { cellOf, type Figure, type PageContext, type PageVariant, variantsOf } from "./context.ts";
import { dataTable, numberCell, numberHead, textHead } from "./data_table.ts";
import { bestOf } from "./findings.ts";
import { formatNs, formatSi } from "./client/format.js";
import { type Html, html } from "./html.ts";
import { CPU_PARTS } from "./palette.ts";
import { percentileCurve, POINTS_PER_OCTAVE, TABLE_SHARES } from "./percentiles.ts";
import { key, spreadTable, variantHead } from "./tables.ts";

/** What a reader must know to read the bars. */
const BARS_NOTES: Readonly<Record<Direction, string>> = {
  higher: "Higher is better. Bar: median over seeds; dot: one seed.",
  lower: "Lower is better. Bar: median over seeds; dot: one seed.",
  neutral: "Explains the other numbers. Bar: median over seeds; dot: one seed.",
};

/** Registers the data and returns canvas and place for the tooltip's words. */
function plot(
  context: PageContext,
  id: string,
  figure: Figure,
  label: string,
  tableId: string,
): Html {
  context.figures[id] = figure;
  return html`
    <div class="plot ${figure.kind}">
      <canvas id="${id}" tabindex="0" role="img" aria-label="${label}"
        aria-describedby="${tableId}"></canvas>
    </div>
  `;
}

/**
 * Bars of one metric: median per policy, a dot per seed, axis from zero.
 *
 * @returns null where nobody has a value.
 */
export function barsFigure(
  context: PageContext,
  workload: WorkloadRuns,
  row: MetricRow,
  id: string,
): Html | null {
  const bars = variantsOf(context, workload).flatMap((variant) => {
    const { spread, values } = cellOf(row, variant.key);
    if (spread === null) return [];
    const dots = values.map((each) => each.value);
    return [{ variant: variant.index, median: spread.median, values: dots }];
  });
  if (bars.length === 0) return null;
  const group = row.group === null ? "" : ` of ${row.group}`;
  const title = `${capital(row.title)}${group}`;
  const finding = bestOf(workload, row)?.text ?? "Explains the other numbers; no side is better.";
  const figure: Figure = { kind: "bars", title, unit: row.unit, bars };
  const label = `Bar chart of ${title}. ${finding}`;
  return html`
    <figure>
      <figcaption>
        <h3>${title}</h3>
        <p>${BARS_NOTES[row.direction]}</p>
      </figcaption>
      ${plot(context, id, figure, label, `${id}-table`)}
      ${spreadTable(context, workload, row, `${id}-table`)}
    </figure>
  `;
}

/** Percentile curves of one group, all seeds of a policy pooled; null without latency samples. */
export function curveFigure(
  context: PageContext,
  workload: WorkloadRuns,
  group: string,
  id: string,
): Html | null {
  const curves = variantsOf(context, workload).flatMap((variant) => {
    const records = workload.variants.find((each) => each.key === variant.key)!.records;
    const curve = percentileCurve(records, group);
    return curve === null ? [] : [{ variant, records, ...curve }];
  });
  if (curves.length === 0) return null;
  const title = `Latency of ${group} by percentile`;
  const figure: Figure = {
    kind: "curve",
    title,
    points_per_octave: POINTS_PER_OCTAVE,
    curves: curves.map(({ variant, latencyNs }) => ({
      variant: variant.index,
      latency_ns: latencyNs,
    })),
  };
  const p99 = workload.metrics.find((row) => row.group === group && row.key === "latency_ns_p99");
  const finding = (p99 === undefined ? null : bestOf(workload, p99)?.text) ??
    "Too few samples for a p99.";
  const note = "Runs pooled over seeds. A curve ends where fewer than 10 samples remain; the " +
    "maximum stands in the table.";
  const rows = curves.map(({ variant, records, sampleCount, tableNs }) =>
    html`
      <tr data-v="${variant.index}">
        <th scope="row">${key(variant)}${variant.label}</th>
        ${tableNs.map((value) => numberCell(value === null ? null : formatNs(value)))}
        ${numberCell(formatNs(maximumOf(records, group)))}
        ${numberCell(formatSi(sampleCount))}
      </tr>
    `
  );
  const shares = TABLE_SHARES.map((share) => numberHead(`${share * 100} %`));
  const label = `Percentile curve: ${title}. ${finding}`;
  return html`
    <figure class="wide">
      <figcaption>
        <h3>${title}</h3>
        <p>${note}</p>
      </figcaption>
      ${plot(context, id, figure, label, `${id}-table`)}
      ${dataTable({
        label: `Values of the chart: ${title}`,
        className: "small",
        id: `${id}-table`,
        heads: [textHead("Policy"), ...shares, numberHead("Maximum"), numberHead("Samples")],
        body: html`<tbody>${rows}</tbody>`,
      })}
    </figure>
  `;
}

function maximumOf(records: readonly RunRecord[], group: string): number {
  const all = records.flatMap((record) =>
    record.measurement.groups.filter((each) => each.name === group)
      .map((each) => each.latency_ns?.max ?? 0)
  );
  return Math.max(...all);
}

/** CPU time per core, one small chart per policy and one table; null where no CPU was seen. */
export function cpuFigures(
  context: PageContext,
  workload: WorkloadRuns,
  id: string,
): Html | null {
  const seen = variantsOf(context, workload).flatMap((variant) => {
    const records = workload.variants.find((each) => each.key === variant.key)!.records;
    const cpus = meanCpus(records);
    return cpus.length === 0 ? [] : [{ variant, cpus }];
  });
  if (seen.length === 0) return null;
  const tableId = `${id}-table`;
  const charts = seen.map(({ variant, cpus }) => cpuChart(context, variant, cpus, id, tableId));
  const legend = CPU_PARTS.map((part) =>
    html`<li><span class="swatch cpu-${part.key}" aria-hidden="true"></span>${part.key}</li>`
  );
  return html`
    <figure class="full">
      <figcaption>
        <h3>CPU time per core</h3>
        <ul class="parts">${legend}</ul>
      </figcaption>
      <div class="multiples">${charts}</div>
      ${cpuTable(seen, tableId)}
    </figure>
  `;
}

function cpuChart(
  context: PageContext,
  variant: PageVariant,
  cpus: readonly CpuMeasurement[],
  id: string,
  tableId: string,
): Html {
  const shares = CPU_PARTS.map((part) => {
    const values = cpus.map((cpu) => {
      const total = CPU_PARTS.reduce((sum, { key: each }) => sum + cpu[`${each}_ns`], 0);
      return total === 0 ? 0 : Math.round(1e4 * cpu[`${part.key}_ns`] / total) / 1e4;
    });
    return [part.key, values] as const;
  });
  const busiest = busyShares(cpus).reduce((a, b) => b.share > a.share ? b : a);
  const figure: Figure = {
    kind: "cpu",
    title: `CPU time per core under ${variant.label}`,
    variant: variant.index,
    cpus: cpus.map((cpu) => cpu.cpu),
    shares: Object.fromEntries(shares),
  };
  const label = `Stacked bars: CPU time per core under ${variant.label}. CPU ${busiest.cpu} is ` +
    `the busiest at ${percent(busiest.share)}.`;
  return html`
    <div class="multiple" data-v="${variant.index}">
      <h4>${key(variant)}${variant.label}</h4>
      ${plot(context, `${id}-${variant.index}`, figure, label, tableId)}
    </div>
  `;
}

function cpuTable(
  seen: readonly { readonly variant: PageVariant; readonly cpus: readonly CpuMeasurement[] }[],
  tableId: string,
): Html {
  const numbers = [...new Set(seen.flatMap(({ cpus }) => cpus.map((cpu) => cpu.cpu)))]
    .sort((a, b) => a - b);
  const rows = numbers.map((number) => {
    const node = seen.flatMap(({ cpus }) => cpus).find((cpu) => cpu.cpu === number)!.node;
    const cells = seen.map(({ variant, cpus }) => {
      const found = busyShares(cpus).find((each) => each.cpu === number);
      return html`<td class="num" data-v="${variant.index}">${
        found === undefined ? "–" : percent(found.share)
      }</td>`;
    });
    return html`<tr><th scope="row">CPU ${number}</th><td class="num">${node}</td>${cells}</tr>`;
  });
  return dataTable({
    label: "Busy share per CPU",
    className: "small",
    id: tableId,
    heads: [
      textHead("Busy share"),
      numberHead("Node"),
      ...seen.map(({ variant }) => variantHead(variant)),
    ],
    body: html`<tbody>${rows}</tbody>`,
  });
}

/** CPU times summed over runs, by CPU; the shares of the sum are the mean shares over seeds. */
function meanCpus(records: readonly RunRecord[]): CpuMeasurement[] {
  const numbers = [...new Set(records.flatMap((each) => each.measurement.cpus.map((c) => c.cpu)))];
  return numbers.sort((a, b) => a - b).map((number) => {
    const all = records.flatMap((each) => each.measurement.cpus.filter((c) => c.cpu === number));
    return {
      cpu: number,
      node: all[0]!.node,
      user_ns: sumOf(all, (cpu) => cpu.user_ns),
      system_ns: sumOf(all, (cpu) => cpu.system_ns),
      irq_ns: sumOf(all, (cpu) => cpu.irq_ns),
      softirq_ns: sumOf(all, (cpu) => cpu.softirq_ns),
      idle_ns: sumOf(all, (cpu) => cpu.idle_ns),
    };
  });
}

function busyShares(cpus: readonly CpuMeasurement[]): { cpu: number; share: number }[] {
  return cpus.map((cpu) => {
    const busy = cpu.user_ns + cpu.system_ns + cpu.irq_ns + cpu.softirq_ns;
    const total = busy + cpu.idle_ns;
    return { cpu: cpu.cpu, share: total === 0 ? 0 : busy / total };
  });
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function capital(text: string): string {
  // "p99" is a name; a capital would make it another.
  return /^p\d/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}
