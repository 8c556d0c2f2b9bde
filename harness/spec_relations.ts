/**
 * What a JSON Schema cannot say about workloads and machines: relations between their values.
 * Never fills anything in.
 *
 * @module
 */

import type { Finding, JsoncDocument } from "./jsonc.ts";
import { CommandMistake, parseEthtool } from "./machine/ethtool_command.ts";
import { bypassesStack, hasTransactions, type TestName } from "./record.ts";
import { topologyFindings } from "./topology.ts";
import type { MachineSpec, MachineText, WorkloadGroup, WorkloadSpec } from "./spec.ts";

/** Fields of a group that only some tests use; elsewhere they would be ignored in silence. */
const FIELDS_OF_TESTS: Readonly<Record<string, (test: TestName) => boolean>> = {
  request_bytes: hasRequests,
  response_bytes: hasRequests,
  service_ns: hasRequests,
  service_distribution: hasRequests,
  outstanding: (test) => test === "TCP_RR" || test === "UDP_RR",
  message_bytes: (test) => !hasTransactions(test),
  sendfile: (test) => test === "TCP_MAERTS",
};

/** Payload of the longest frame: an MTU of 1500 bytes without the headers of IP and UDP. */
const FRAME_BYTES_MAX = { 4: 1472, 6: 1452 } as const;

/**
 * Payload of the largest UDP datagram: over IPv4 65535 - 20 - 8 bytes (RFC 791, 768), over IPv6
 * 65535 - 8, since its length does not count the header (RFC 8200).
 */
const DATAGRAM_BYTES_MAX = { 4: 65_507, 6: 65_527 } as const;

/** A transaction of CC is a connection without data. */
function hasRequests(test: TestName): boolean {
  return hasTransactions(test) && test !== "TCP_CC";
}

/** Mistakes in a workload that fits its schema. */
export function workloadRelations(document: JsoncDocument<WorkloadSpec>): Finding[] {
  const findings: Finding[] = [];
  const names = new Set<string>();
  document.value.groups.forEach((group, index) => {
    const path = ["groups", index];
    const where = `groups[${index}]`;
    if (names.has(group.name)) {
      const message = `${where}.name is "${group.name}": another group has that name already`;
      findings.push({ path: [...path, "name"], message });
    }
    names.add(group.name);
    for (const [field, isUsed] of Object.entries(FIELDS_OF_TESTS)) {
      if (!document.has([...path, field]) || isUsed(group.test)) continue;
      const message = `${where}.${field} has no meaning for ${group.test}: remove it`;
      findings.push({ path, key: field, message });
    }
    findings.push(
      ...datagramFindings(group, index),
      ...bypassFindings(group, index, document),
      ...arrivalFindings(group, index),
      ...threadFindings(group, index),
      ...serverFindings(group, index, document.value.groups),
      ...clientFindings(group, index),
      ...sizeFindings(group, index, document),
    );
  });
  return [...findings, ...operationFindings(document.value)];
}

/** What an operation can be, by its field. */
const OPERATION_KINDS = ["ethtool", "policy", "cpu_offline", "cpu_online"] as const;

/** Operations of no kind or of two, and command lines that the program ethtool does not know. */
function operationFindings({ operations = [] }: WorkloadSpec): Finding[] {
  return operations.flatMap((operation, index) => {
    const { ethtool } = operation;
    const kinds = OPERATION_KINDS.filter((kind) => operation[kind] !== undefined);
    if (kinds.length !== 1) {
      const found = kinds.length === 0 ? "is of no kind" : `has ${kinds.join(" and ")}`;
      const message = `operations[${index}] ${found}: accepted is one of ${
        OPERATION_KINDS.join(", ")
      }`;
      return [{ path: ["operations", index], message }];
    }
    if (ethtool === undefined) return [];
    try {
      parseEthtool(ethtool);
      return [];
    } catch (error) {
      if (!(error instanceof CommandMistake)) throw error;
      const message = `operations[${index}].ethtool ${error.message}`;
      return [{ path: ["operations", index, "ethtool"], message }];
    }
  });
}

/** Messages that no UDP socket takes, on the model as little as on a live target. */
function datagramFindings(group: WorkloadGroup, index: number): Finding[] {
  if (!group.test.startsWith("UDP")) return [];
  const fields = hasTransactions(group.test)
    ? ["request_bytes", "response_bytes"] as const
    : ["message_bytes"] as const;
  const most = DATAGRAM_BYTES_MAX[group.ip_version ?? 4];
  return fields.filter((field) => group[field] > most).map((field) => ({
    path: ["groups", index, field],
    message: `groups[${index}].${field} is ${group[field]}: ${group.test} sends it as one ` +
      `datagram, accepted are at most ${most}`,
  }));
}

/** Messages that are no frame, and what belongs to sockets and their threads. */
function bypassFindings(
  group: WorkloadGroup,
  index: number,
  document: JsoncDocument<WorkloadSpec>,
): Finding[] {
  if (!bypassesStack(group.test)) return [];
  const path = ["groups", index];
  const where = `groups[${index}]`;
  const findings: Finding[] = [];
  const most = FRAME_BYTES_MAX[group.ip_version ?? 4];
  if (group.message_bytes > most) {
    const message = `${where}.message_bytes is ${group.message_bytes}: ${group.test} sends it in ` +
      `one frame, accepted are at most ${most}`;
    const isGiven = document.has([...path, "message_bytes"]);
    findings.push({ path: isGiven ? [...path, "message_bytes"] : path, message });
  }
  const fields = ["hint", "threads", "assignment", "served_by", "client"];
  if (group.test === "XDP_DROP") fields.push("pin");
  for (const key of fields.filter((field) => document.has([...path, field]))) {
    const message =
      `${where}.${key} has no meaning for ${group.test}, which has no socket of the ` +
      "stack: remove it";
    findings.push({ path, key, message });
  }
  if (group.arrival.loop === "open" && group.arrival.schedule === "connection") {
    const message = `${where}.arrival.schedule is "connection": the flows of ${group.test} take ` +
      'turns, accepted is "group"';
    findings.push({ path: [...path, "arrival", "schedule"], message });
  }
  return findings;
}

/** Server threads without a connection, and a choice among threads where there is none. */
function threadFindings(group: WorkloadGroup, index: number): Finding[] {
  const { threads, connections, assignment } = group;
  const path = ["groups", index];
  if (threads > connections) {
    const message = `groups[${index}].threads is ${threads}: accepted are at most the ` +
      `${connections} connections of the group`;
    return [{ path: [...path, "threads"], message }];
  }
  if (threads > 0 || assignment === "round_robin") return [];
  const message = `groups[${index}].assignment has no meaning where each connection has a ` +
    "thread of its own: remove it, or set threads";
  return [{ path, key: "assignment", message }];
}

/** A group that another's threads serve: one before it that has threads, and none of its own. */
function serverFindings(
  group: WorkloadGroup,
  index: number,
  groups: readonly WorkloadGroup[],
): Finding[] {
  const { served_by: name, threads } = group;
  if (name === undefined) return [];
  const path = ["groups", index, "served_by"];
  const where = `groups[${index}].served_by is "${name}"`;
  const before = groups.slice(0, index).filter((one) => one.threads > 0).map((one) => one.name);
  if (!before.includes(name)) {
    const accepted = before.length === 0 ? "no group before it has threads" : `accepted ` +
      `${before.length === 1 ? "is" : "are"} ${before.map((one) => `"${one}"`).join(", ")}`;
    return [{ path, message: `${where}: ${accepted}` }];
  }
  if (threads === 0) return [];
  return [{ path, message: `${where}: its threads serve this group, so remove threads here` }];
}

/** Settings of clients that would be ignored, and client threads without a connection. */
function clientFindings(group: WorkloadGroup, index: number): Finding[] {
  const { client, connections, arrival, test } = group;
  if (client === undefined) return [];
  const path = ["groups", index, "client"];
  const where = `groups[${index}].client`;
  const ignored = (keys: readonly (keyof typeof client)[], why: string): Finding[] =>
    keys.filter((key) => client[key] !== undefined).map((key) => ({
      path,
      key,
      message: `${where}.${key} has no meaning ${why}: remove it`,
    }));
  if (client.host === false) {
    const found = ignored(["threads", "pin", "wait_us"], "for ideal clients");
    if (found.length > 0) return found;
  }
  if (arrival.loop === "closed" && client.wait_us !== undefined) {
    return ignored(["wait_us"], "in a closed loop, where a response is what sends");
  }
  if (!hasTransactions(test) && client.latency_from !== undefined) {
    return ignored(["latency_from"], `for ${test}`);
  }
  if ((client.threads ?? 0) <= connections) return [];
  const message = `${where}.threads is ${client.threads}: accepted are at most the ` +
    `${connections} connections of the group`;
  return [{ path: [...path, "threads"], message }];
}

function arrivalFindings(group: WorkloadGroup, index: number): Finding[] {
  const path = ["groups", index, "arrival"];
  const where = `groups[${index}].arrival`;
  const { loop, ...others } = group.arrival;
  if (loop === "closed") {
    return Object.keys(others).map((key) => ({
      path,
      key,
      message: `${where}.${key} has no meaning in a closed loop: remove it, or set loop to "open"`,
    }));
  }
  if (!hasTransactions(group.test) && group.test !== "XDP_DROP") {
    const message = `${where}.loop is "open": ${group.test} has no requests to schedule, ` +
      `accepted is "closed"`;
    return [{ path: [...path, "loop"], message }];
  }
  if (!("rate_per_second" in others)) {
    const message = `${where} lacks "rate_per_second": an open loop needs its offered load`;
    return [{ path, message }];
  }
  if (("on_ms" in others) === ("off_ms" in others)) return [];
  const lacking = "on_ms" in others ? "off_ms" : "on_ms";
  return [{ path, message: `${where} lacks "${lacking}": bursts need both times` }];
}

/** Sizes that are drawn leave those of the group without meaning, and the other way round. */
function sizeFindings(
  group: WorkloadGroup,
  index: number,
  document: JsoncDocument<WorkloadSpec>,
): Finding[] {
  const path = ["groups", index];
  const where = `groups[${index}]`;
  if (group.sizes.distribution === "constant") {
    if (!("update_percent" in group.sizes)) return [];
    const message = `${where}.sizes.update_percent has no meaning for constant sizes: remove it`;
    return [{ path: [...path, "sizes"], key: "update_percent", message }];
  }
  if (group.test !== "TCP_RR" && group.test !== "TCP_CRR") {
    const message = `${where}.sizes.distribution is "${group.sizes.distribution}": ${group.test} ` +
      `takes its sizes from the group, accepted is "constant"`;
    return [{ path: [...path, "sizes", "distribution"], message }];
  }
  return ["request_bytes", "response_bytes"].filter((field) => document.has([...path, field]))
    .map((field) => ({
      path,
      key: field,
      message: `${where}.${field} has no meaning where sizes are drawn: remove it`,
    }));
}

/** Link speeds of each device, Gb/s: the makers' product briefs. */
const SPEEDS_GBPS: Readonly<Record<MachineSpec["nic"]["model"], readonly number[]>> = {
  X520: [1, 10],
  X710: [1, 10],
  XXV710: [1, 10, 25],
  XL710: [10, 40],
  "e1000": [1],
  "e1000e": [1],
  "ConnectX-5": [10, 25, 40, 100],
};

/** Mistakes in a machine that fits its schema. */
export function machineRelations(document: JsoncDocument<MachineText>): Finding[] {
  const { host, nic } = document.value;
  const findings = topologyFindings(host, ["host"]);
  const speeds = SPEEDS_GBPS[nic.model];
  if (!speeds.includes(nic.speed_gbps)) {
    findings.push({
      path: ["nic", "speed_gbps"],
      message: `nic.speed_gbps is ${nic.speed_gbps}: accepted are ${speeds.join(", ")} ` +
        `for a device ${nic.model}`,
    });
  }
  const ids = host.nodes.map((node) => node.id);
  if (nic.node !== -1 && !ids.includes(nic.node)) {
    const accepted = [-1, ...ids].join(", ");
    findings.push({
      path: ["nic", "node"],
      message: `nic.node is ${nic.node}: accepted are ${accepted}`,
    });
  }
  return [...findings, ...coalesceFindings(document), ...steeringFindings(document)];
}

/** Entries of the flow tables of all receive queues: core/machine/abi.ts. */
const RPS_FLOWS_MAX = 65_536;

/** Masks of sysfs: as many as queues, and bits of what is there. */
function maskFindings(
  name: "rps_cpus" | "xps_cpus" | "xps_rxqs",
  masks: string | readonly string[],
  queueCount: number,
  bitCount: number,
  what: string,
): Finding[] {
  const path = ["nic", name];
  if (typeof masks !== "string" && masks.length !== queueCount) {
    const message = `nic.${name} has ${masks.length} masks: accepted is one for all queues, or ` +
      `one for each of the ${queueCount}`;
    return [{ path, message }];
  }
  return [masks].flat().filter((mask) => BigInt(`0x${mask}`) >> BigInt(bitCount) !== 0n)
    .map((mask) => {
      const message = `nic.${name} is "${mask}": accepted are masks of the ${bitCount} ${what} ` +
        `of the machine`;
      return { path, message };
    });
}

/** Masks of CPUs or queues that are not there, tables that are too large or without a partner. */
function steeringFindings(document: JsoncDocument<MachineText>): Finding[] {
  const { host, nic, costs } = document.value;
  const cpuCount = host.nodes.reduce((sum, node) => sum + node.cpus.length, 0);
  const findings = [
    ...maskFindings("rps_cpus", nic.rps_cpus, nic.queue_pairs, cpuCount, "CPUs"),
    ...maskFindings("xps_cpus", nic.xps_cpus ?? "0", nic.queue_pairs, cpuCount, "CPUs"),
    ...maskFindings("xps_rxqs", nic.xps_rxqs, nic.queue_pairs, nic.queue_pairs, "queue pairs"),
  ];
  const flows = costs["rps_flow_cnt"]!;
  const most = 2 ** Math.floor(Math.log2(RPS_FLOWS_MAX / nic.queue_pairs));
  if (flows > most) {
    const message = `costs.rps_flow_cnt is ${flows}: accepted are at most ${most} for each of ` +
      `${nic.queue_pairs} queues`;
    findings.push({ path: ["costs", "rps_flow_cnt"], message });
  }
  if (nic.threaded_pin && !nic.threaded) {
    const message = "nic.threaded_pin has no effect without nic.threaded: remove it, or set both";
    findings.push({ path: ["nic", "threaded_pin"], message });
  }
  if ((flows === 0) !== (costs["rps_sock_flow_entries"] === 0)) {
    const [given, lacking] = flows === 0
      ? ["rps_sock_flow_entries", "rps_flow_cnt"]
      : ["rps_flow_cnt", "rps_sock_flow_entries"];
    const message = `costs.${given} is ${costs[given]}: without costs.${lacking} it has no effect`;
    findings.push({ path: ["costs", given], message });
  }
  return findings;
}

/** Intervals that would be ignored: of an adaptive side, or a second one where there is one. */
function coalesceFindings(document: JsoncDocument<MachineText>): Finding[] {
  const { coalesce, itr_per_vector: isOne } = document.value.nic;
  const findings: Finding[] = [];
  for (const side of ["rx", "tx"] as const) {
    const path = ["nic", "coalesce", `${side}_usecs`];
    if (!document.has(path) || !coalesce[`adaptive_${side}`]) continue;
    findings.push({
      path: path.slice(0, 2),
      key: `${side}_usecs`,
      message: `nic.coalesce.${side}_usecs is ${coalesce[`${side}_usecs`]}: ` +
        `set adaptive_${side} to false with it, as ethtool asks for`,
    });
  }
  const isFixed = !coalesce.adaptive_rx && !coalesce.adaptive_tx;
  if (isOne && isFixed && coalesce.rx_usecs !== coalesce.tx_usecs) {
    findings.push({
      path: ["nic", "coalesce"],
      message: `nic.coalesce has ${coalesce.rx_usecs} for rx and ${coalesce.tx_usecs} for tx: ` +
        `with nic.itr_per_vector there is one interval, make them equal`,
    });
  }
  return findings;
}
