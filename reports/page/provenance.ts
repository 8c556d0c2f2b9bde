/**
 * Where the numbers come from: drops by cause, the policy manager's counters, remarks of runs, and
 * the identity of every run, so that any number can be made again.
 *
 * @module
 */

import type { RunRecord } from "../../harness/record.ts";
import type { Source, Variant, WorkloadRuns } from "../cells.ts";
import { droppedPackets, sumOf } from "../metrics.ts";
import { NOT_VISIBLE } from "./absence.ts";
import { type PageContext, pageVariant, variantsOf } from "./context.ts";
import { dataTable, textHead } from "./data_table.ts";
import { formatNs, formatSi, plural } from "./client/format.js";
import { type Html, html } from "./html.ts";
import { key, variantHead } from "./tables.ts";

/** Packets dropped by cause and retransmits, or a sentence that there were none. */
export function dropsSection(context: PageContext, workload: WorkloadRuns): Html {
  const records = workload.variants.flatMap((variant) => variant.records);
  const causes = [...new Set(records.flatMap((each) => Object.keys(each.measurement.drops)))]
    .filter((cause) => records.some((each) => (each.measurement.drops[cause] ?? 0) > 0)).sort();
  const retransmits = records.flatMap((each) => each.measurement.retransmits ?? []);
  if (causes.length === 0 && retransmits.every((count) => count === 0)) {
    return html`
      <h3>Losses</h3>
      <p>${noLossSentence(records)}</p>
    `;
  }
  const rows = causes.map((cause) =>
    counterRow(context, workload, cause, (each) => each.measurement.drops[cause] ?? 0)
  );
  rows.push(counterRow(context, workload, "retransmits", (each) => each.measurement.retransmits));
  const head = "Packets, mean per run";
  return html`
    <h3>Losses</h3>
    ${counterTable(context, workload, { head, rows, label: "Losses by cause" })}
  `;
}

/** Says what was looked for and not found; never that what cannot be seen did not happen. */
function noLossSentence(records: readonly RunRecord[]): string {
  const seesDrops = records.some((each) => droppedPackets(each) !== null);
  const seesRetransmits = records.some((each) => each.measurement.retransmits !== null);
  if (seesDrops && seesRetransmits) {
    return "No packet was dropped and none was sent again, in any run.";
  }
  return seesDrops
    ? `No datagram was lost, in any run; packets sent again are ${NOT_VISIBLE}.`
    : `Packets dropped and packets sent again are ${NOT_VISIBLE}.`;
}

/** Counters of the policy manager, closed at first; null where it counted nothing. */
export function counterSection(context: PageContext, workload: WorkloadRuns): Html | null {
  const records = workload.variants.flatMap((variant) => variant.records);
  const names = [
    ...new Set(records.flatMap((each) => Object.keys(each.measurement.policy_counters))),
  ].sort();
  if (names.length === 0) return null;
  const rows = names.map((name) =>
    counterRow(context, workload, name, (each) => each.measurement.policy_counters[name] ?? 0)
  );
  const head = "Count, mean per run";
  return html`
    <details>
      <summary>
        <b>Policy manager</b>
        <span class="quiet">${plural(names.length, "counter")}</span>
      </summary>
      ${counterTable(context, workload, { head, rows, label: "Counters of the policy manager" })}
    </details>
  `;
}

function counterTable(
  context: PageContext,
  workload: WorkloadRuns,
  parts: { readonly head: string; readonly rows: readonly Html[]; readonly label: string },
): Html {
  return dataTable({
    label: parts.label,
    className: "small",
    heads: [textHead(parts.head), ...variantsOf(context, workload).map(variantHead)],
    body: html`<tbody>${parts.rows}</tbody>`,
  });
}

function counterRow(
  context: PageContext,
  workload: WorkloadRuns,
  name: string,
  read: (record: RunRecord) => number | null,
): Html {
  const cells = variantsOf(context, workload).map((variant) => {
    const { records } = workload.variants.find((each) => each.key === variant.key)!;
    const values = records.flatMap((record) => read(record) ?? []);
    const mean = values.length === 0
      ? "–"
      : formatSi(sumOf(values, (value) => value) / values.length);
    return html`<td class="num" data-v="${variant.index}">${mean}</td>`;
  });
  return html`<tr><th scope="row">${name.replaceAll("_", " ")}</th>${cells}</tr>`;
}

/** Sentences of the runs that a reader must know, each once with the runs that say it. */
export function remarks(workload: WorkloadRuns): Html | null {
  const said = new Map<string, string[]>();
  const add = (sentence: string, variant: Variant, seed: number): void => {
    const where = said.get(sentence) ?? [];
    said.set(sentence, where);
    where.push(`${variant.label} seed ${seed}`);
  };
  // Without a course no chart marks what was done.
  const hasCourse = workload.variants.some(({ records }) =>
    records.some(({ measurement }) => measurement.series !== undefined)
  );
  for (const variant of workload.variants) {
    for (const record of variant.records) {
      if (record.status === "partial") {
        add("The run ended before its time; its numbers are partial.", variant, record.seed);
      }
      for (const remark of record.measurement.remarks) {
        if (!hasCourse || !isMarked(remark, record)) add(remark, variant, record.seed);
      }
    }
  }
  if (said.size === 0) return null;
  const items = [...said].map(([sentence, where]) => {
    const runs = where.length > 4 ? plural(where.length, "run") : where.join(", ");
    return html`<li>${sentence} <span class="quiet">(${runs})</span></li>`;
  });
  return html`
    <div class="remarks">
      <h3>Remarks</h3>
      <ul>${items}</ul>
    </div>
  `;
}

/** Whether a remark tells of an operation as planned: the charts over time mark it. */
function isMarked(remark: string, { measurement: { operations = [] } }: RunRecord): boolean {
  return !remark.includes(" was refused: ") && operations.some(({ what }) => remark.includes(what));
}

/** "rr: TCP_RR, 32 connections, closed loop" for each group. */
export function groupLines(workload: WorkloadRuns): string[] {
  const groups = workload.variants[0]?.records[0]?.measurement.groups ?? [];
  return groups.map((group) =>
    `${group.name}: ${group.test}, ${plural(group.connections, "connection")}, ${group.loop} loop`
  );
}

/** Identity of a source and of each of its runs. */
export function provenanceSection(context: PageContext, source: Source): Html {
  const versions = [...new Set(source.records.map((record) => record.lab_version))];
  const facts: readonly (readonly [string, string])[] = [
    ["Target", source.target],
    ["Generator", source.generator],
    ["Lab version", versions.join(", ")],
    ["policy.wasm", source.wasm?.policy_sha256 ?? "took no part"],
    ["machine.wasm", source.wasm?.machine_sha256 ?? "took no part"],
    ...Object.entries(source.environment).map(([name, value]) => [name, String(value)] as const),
  ];
  const rows = source.workloads.flatMap((workload) =>
    workload.variants.flatMap((variant) =>
      variant.records.map((record) => runRow(context, variant, record))
    )
  );
  const heads = ["Workload", "Policy", "Mechanism", "Seed", "Interval", "Events", "Fingerprint"];
  const table = dataTable({
    label: "Runs",
    className: "small",
    heads: [...heads, "Started", "Status"].map(textHead),
    body: html`<tbody>${rows}</tbody>`,
  });
  const items = facts.map(([name, value]) =>
    html`
      <div>
        <dt>${name}</dt>
        <dd ${isHash(value) && html`class="code"`}>${value}</dd>
      </div>
    `
  );
  return html`
    <dl class="facts">${items}</dl>
    <details>
      <summary>
        <b>Runs</b>
        <span class="quiet">${plural(rows.length, "run")} with seeds and fingerprints</span>
      </summary>
      ${table}
    </details>
  `;
}

function isHash(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

function runRow(context: PageContext, variant: Variant, record: RunRecord): Html {
  const shown = pageVariant(context, variant.key);
  const { duration_ns, events, fingerprint } = record.measurement;
  return html`
    <tr data-v="${shown.index}">
      <th scope="row">${record.workload}</th>
      <td>${key(shown)}${record.policy}</td>
      <td>${record.mechanism}</td>
      <td class="num">${record.seed}</td>
      <td class="num">${formatNs(duration_ns)}</td>
      <td class="num">${events === null ? "–" : formatSi(events)}</td>
      <td class="code">${fingerprint ?? "–"}</td>
      <td>${record.started_at ?? "–"}</td>
      <td>${record.status}</td>
    </tr>
  `;
}
