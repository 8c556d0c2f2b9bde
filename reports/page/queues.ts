/**
 * Shows the mechanism: which queues carried the packets under each policy, how even that was, and
 * the full table of queues, CPUs, nodes, owners' policies and throttling.
 *
 * @module
 */

import type { QueueMeasurement } from "../../harness/record.ts";
import type { Variant, WorkloadRuns } from "../cells.ts";
import { jainIndex } from "../../harness/stats/fairness.ts";
import { imbalance, sumOf } from "../metrics.ts";
import { type PageContext, type PageVariant, variantsOf } from "./context.ts";
import { formatNumber, formatSi, joinWords } from "./client/format.js";
import { dataTable, numberCell, numberHead, textHead } from "./data_table.ts";
import { tableFrame } from "./figures/frame.ts";
import type { MapFigure } from "./figures/kinds.ts";
import { type Html, html } from "./html.ts";
import { key } from "./tables.ts";

/** One queue over all seeds: counts are means, settings are those of all seeds or "varies". */
interface QueueLine {
  readonly queue: number;
  readonly cpu: string;
  readonly node: string;
  readonly policy: string;
  readonly itrRx: string;
  readonly itrTx: string;
  readonly adaptive: string;
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly interrupts: number;
  readonly polls: number;
}

/** What is needed to tell how packets spread over nodes. */
type NodeLine = Pick<QueueLine, "node" | "rxPackets">;

/** Everything about queues for one workload; null where no queue was seen. */
export function queueSection(
  context: PageContext,
  workload: WorkloadRuns,
  id: string,
): Html | null {
  const seen = variantsOf(context, workload).flatMap((variant) => {
    const runs = workload.variants.find((each) => each.key === variant.key)!;
    const lines = queueLines(runs);
    if (lines.length === 0) return [];
    const packets = lines.map((line) => line.rxPackets);
    return [{ variant, lines, sentence: `${spreadSentence(packets)} ${throttlingSentence(runs)}` }];
  });
  if (seen.length === 0) return null;
  const queueCount = Math.max(...seen.map(({ lines }) => lines.length));
  const heads = Array.from(
    { length: queueCount },
    (_, queue) => queueHead(queue, seen.map(({ lines }) => lines)),
  );
  const shares = dataTable({
    label: "Share of received packets per queue",
    className: "small queues",
    id: `${id}-table`,
    heads: [textHead("Queue"), ...heads, numberHead("Max/mean"), numberHead("Jain")],
    body: html`<tbody>${seen.map(({ variant, lines }) => shareRow(variant, lines))}</tbody>`,
  });
  const figure = tableFrame(context, {
    id,
    figure: {
      kind: "map",
      title: "Where the packets went",
      panels: seen.map(({ variant, lines }) => ({ variant: variant.index, queues: mapOf(lines) })),
    },
    finding: [steeringSentence(workload), nodeSentence(seen)].filter((each) => each !== "")
      .join(" "),
    table: shares,
  });
  return html`
    <div class="figures">${figure}</div>
    ${seen.some(({ lines }) => lines.some((line) => line.policy !== "NONE")) && LISTS_NOTE}
    ${seen.map(({ variant, lines, sentence }) => queueDetails(variant, lines, sentence))}
  `;
}

/** The lines as the page's scripts get them. */
function mapOf(lines: readonly QueueLine[]): MapFigure["panels"][number]["queues"] {
  const total = sumOf(lines, (line) => line.rxPackets);
  return lines.map(({ queue, cpu, node, policy, rxPackets, txPackets, interrupts }) => ({
    queue,
    cpu,
    node,
    list: policy,
    rx_share: total === 0 ? 0 : Number((rxPackets / total).toPrecision(5)),
    rx_packets: Math.round(rxPackets),
    tx_packets: Math.round(txPackets),
    interrupts: Math.round(interrupts),
  }));
}

/** "Node 0 has 52 % of them under NONE, 50 % under MIX." where there are several nodes. */
export function nodeSentence(
  seen: readonly {
    readonly variant: { readonly label: string };
    readonly lines: readonly NodeLine[];
  }[],
): string {
  const nodes = new Set(seen.flatMap(({ lines }) => lines.map((line) => line.node)));
  if (nodes.size < 2 || nodes.has("varies")) return "";
  const [first] = [...nodes].sort();
  const told = seen.flatMap(({ variant, lines }) => {
    const total = sumOf(lines, (line) => line.rxPackets);
    if (total === 0) return [];
    const own = sumOf(lines.filter((line) => line.node === first), (line) => line.rxPackets);
    return [`${(100 * own / total).toFixed(0)} % under ${variant.label}`];
  });
  return told.length === 0 ? "" : `Node ${first} has ${joinWords(told)}.`;
}

const LISTS_NOTE = html`
  <p class="note">
    C, B, L: the queue is in the policy manager's list of CPU, BULK or LATENCY; ?: it varies between
    seeds.
  </p>
`;

/** A queue with the CPU and node of its interrupt, where all policies agree on them. */
function queueHead(queue: number, all: readonly (readonly QueueLine[])[]): Html {
  const lines = all.flatMap((each) => each.filter((line) => line.queue === queue));
  const [cpus, nodes] = [lines.map((line) => line.cpu), lines.map((line) => line.node)].map(
    (values) => [...new Set(values)],
  ) as [string[], string[]];
  const place = cpus.length === 1 && nodes.length === 1 &&
    html`<span class="sub">CPU ${cpus[0]} · node ${nodes[0]}</span>`;
  return html`<th scope="col" class="num">${queue}${place}</th>`;
}

/** The list of the policy manager that a queue is in, as a letter; none for NONE. */
function listLetter(policy: string): Html | null {
  if (policy === "NONE") return null;
  return html`<b>${policy === "varies" ? "?" : policy.charAt(0)}</b>`;
}

/** Says how packets came to their queues, as far as the connections lived long enough for it. */
export function steeringSentence(workload: WorkloadRuns): string {
  const groups = workload.variants.flatMap((variant) =>
    variant.records.flatMap((record) => record.measurement.groups)
  );
  const short = [
    ...new Set(groups.filter((each) => each.test === "TCP_CRR").map((each) => each.name)),
  ];
  const stock =
    "Share of received packets per queue. The stock driver leaves the choice to a hash " +
    "of the connection";
  const transmitOnly = "the policy manager steers what it transmits only: a connection ends with " +
    "its one request, before a receive rule could take hold, so received packets stay where the " +
    "hash puts them. Tx packets are in the tables below";
  if (short.length > 0 && groups.every((each) => each.test === "TCP_CRR")) {
    return `${stock}; ${transmitOnly}.`;
  }
  const manager = "the policy manager gives each socket a queue from its policy's list";
  return short.length === 0
    ? `${stock}; ${manager}.`
    : `${stock}; ${manager}. For ${joinWords(short)}, ${transmitOnly}.`;
}

function queueLines(variant: Variant): QueueLine[] {
  const runs = variant.records.map((record) => record.measurement.queues)
    .filter((queues) => queues.length > 0);
  const first = runs[0];
  if (first === undefined) return [];
  return first.map(({ queue }) => {
    const all = runs.flatMap((queues) => queues.filter((each) => each.queue === queue));
    const mean = (read: (queue: QueueMeasurement) => number): number =>
      sumOf(all, read) / all.length;
    return {
      queue,
      cpu: common(all, (each) => String(each.cpu)),
      node: common(all, (each) => String(each.node)),
      policy: common(all, (each) => each.policy),
      itrRx: rangeOf(all.map((each) => each.itr_rx_usecs)),
      itrTx: rangeOf(all.map((each) => each.itr_tx_usecs)),
      adaptive: common(all, (each) => each.adaptive ? "adaptive" : "fixed"),
      rxPackets: mean((each) => each.rx_packets),
      txPackets: mean((each) => each.tx_packets),
      interrupts: mean((each) => each.interrupts),
      polls: mean((each) => each.polls),
    };
  });
}

/** The value all seeds agree on, or "varies". */
function common(
  queues: readonly QueueMeasurement[],
  read: (queue: QueueMeasurement) => string,
): string {
  const values = new Set(queues.map(read));
  return values.size === 1 ? [...values][0]! : "varies";
}

/** "50", or "10–122" where values differ. */
function rangeOf(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? formatNumber(low) : `${formatNumber(low)}–${formatNumber(high)}`;
}

/** "Rx throttling 6 µs, fixed." over all queues of all runs of a variant. */
function throttlingSentence(variant: Variant): string {
  const queues = variant.records.flatMap((record) => record.measurement.queues);
  const interval = rangeOf(queues.map((queue) => queue.itr_rx_usecs));
  const kind = common(queues, (queue) => queue.adaptive ? "adaptive" : "fixed");
  return `Rx throttling ${interval} µs, ${kind === "varies" ? "partly adaptive" : kind}.`;
}

function shareRow(variant: PageVariant, lines: readonly QueueLine[]): Html {
  const total = sumOf(lines, (line) => line.rxPackets);
  const even = 1 / lines.length;
  const cells = lines.map((line) => {
    const share = total === 0 ? 0 : line.rxPackets / total;
    // Four tints up to twice an even share, so that uneven placement shows at any queue count.
    const level = share === 0 ? 0 : Math.min(4, 1 + Math.floor(share / even * 1.5));
    const text = share === 0 ? "·" : `${(share * 100).toFixed(1)} %`;
    return html`
      <td class="num load-${level}">
        <span class="line">${listLetter(line.policy)}<span class="main">${text}</span></span>
      </td>
    `;
  });
  const packets = lines.map((line) => line.rxPackets);
  const [worst, jain] = [imbalance(packets), jainIndex(packets)];
  return html`
    <tr data-v="${variant.index}">
      <th scope="row">${key(variant)}${variant.label}</th>
      ${cells}
      ${numberCell(worst?.toFixed(2) ?? null)}
      ${numberCell(jain?.toFixed(2) ?? null)}
    </tr>
  `;
}

/** "4 of 8 queues carry packets; the busiest has 2.00 times the mean; Jain index 0.50." */
export function spreadSentence(packets: readonly number[]): string {
  const used = packets.filter((count) => count > 0).length;
  const [worst, jain] = [imbalance(packets), jainIndex(packets)];
  if (worst === null || jain === null) return `None of ${packets.length} queues received a packet.`;
  return `${used} of ${packets.length} queues carry packets; the busiest has ` +
    `${worst.toFixed(2)} times the mean; Jain index ${jain.toFixed(2)}.`;
}

/** Columns of the full table, in the order of queueRow. */
const QUEUE_HEADS: readonly Html[] = [
  ...["Queue", "CPU", "Node"].map(numberHead),
  textHead("Policy"),
  ...["Rx packets", "Tx packets", "Interrupts", "Polls", "Rx/interrupt", "ITR rx µs", "ITR tx µs"]
    .map(numberHead),
  textHead("Throttling"),
];

function queueRow(line: QueueLine): Html {
  const counts = [line.rxPackets, line.txPackets, line.interrupts, line.polls];
  const { interrupts } = line;
  const perInterrupt = interrupts === 0 ? null : (line.rxPackets / interrupts).toFixed(2);
  return html`
    <tr>
      <th scope="row" class="num">${line.queue}</th>
      ${[line.cpu, line.node].map(numberCell)}
      <td>${line.policy}</td>
      ${counts.map((count) => numberCell(formatSi(Math.round(count))))}
      ${[perInterrupt, line.itrRx, line.itrTx].map(numberCell)}
      <td>${line.adaptive}</td>
    </tr>
  `;
}

function queueDetails(
  variant: PageVariant,
  lines: readonly QueueLine[],
  sentence: string,
): Html {
  const rows = lines.map(queueRow);
  const table = dataTable({
    label: `Queues under ${variant.label}`,
    className: "small",
    heads: QUEUE_HEADS,
    body: html`<tbody>${rows}</tbody>`,
  });
  return html`
    <details data-v="${variant.index}">
      <summary>
        ${key(variant)}<b>${variant.label}</b>
        <span class="quiet">${sentence}</span>
      </summary>
      ${table}
      <p class="note">Counts are means over seeds.</p>
    </details>
  `;
}
