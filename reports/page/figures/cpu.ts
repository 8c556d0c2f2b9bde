/**
 * CPU time per core as stacks: user, system, softirq, irq and idle, a panel per policy.
 *
 * @module
 */

import type { WorkloadRuns } from "../../cells.ts";
import type { CpuMeasurement, RunRecord } from "../../../harness/record.ts";
import { sumOf } from "../../metrics.ts";
import { type PageContext, type PageVariant, variantsOf } from "../context.ts";
import { dataTable, numberHead, textHead } from "../data_table.ts";
import { type Html, html } from "../html.ts";
import { CPU_PARTS } from "../palette.ts";
import { key, variantHead } from "../tables.ts";
import { frame } from "./frame.ts";

/** Renders the CPU time of a workload; null where no CPU was seen. */
export function cpuFigure(
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
  const said = seen.map(({ variant, cpus }) => {
    const shares = busyShares(cpus);
    const busiest = shares.reduce((a, b) => b.share > a.share ? b : a);
    const mean = sumOf(shares, (each) => each.share) / shares.length;
    return `${variant.label} ${percent(mean)} busy, most on CPU ${busiest.cpu} with ` +
      percent(busiest.share);
  });
  const legend = CPU_PARTS.map((part) =>
    html`<li><span class="swatch cpu-${part.key}" aria-hidden="true"></span>${part.key}</li>`
  );
  return frame(context, {
    id,
    figure: {
      kind: "cpu",
      title: "CPU time per core",
      panels: seen.map(({ variant, cpus }) => ({
        variant: variant.index,
        cpus: cpus.map((cpu) => cpu.cpu),
        shares: partShares(cpus),
      })),
    },
    finding: `${said.join("; ")}.`,
    note: "Shares of the measured interval, mean over seeds.",
    width: "wide",
    legend: html`<ul class="parts">${legend}</ul>`,
    panels: seen.map(({ variant }, index) => ({
      variant: variant.index,
      head: html`${key(variant)}${variant.label}`,
      label: `Stacked bars: CPU time per core. ${said[index]}.`,
    })),
    table: cpuTable(seen, `${id}-table`),
  });
}

/** Part of CPU_PARTS -> its share on each CPU. */
function partShares(cpus: readonly CpuMeasurement[]): Record<string, number[]> {
  const shares = CPU_PARTS.map((part) => {
    const values = cpus.map((cpu) => {
      const total = CPU_PARTS.reduce((sum, { key: each }) => sum + cpu[`${each}_ns`], 0);
      return total === 0 ? 0 : Math.round(1e4 * cpu[`${part.key}_ns`] / total) / 1e4;
    });
    return [part.key, values] as const;
  });
  return Object.fromEntries(shares);
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
