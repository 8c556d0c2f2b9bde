/**
 * Parts of core/machine and core/lib on their own: a test entry that exports them, compiled in
 * memory in the place of core/machine.ts. Exports cross as 32-bit integers and f64.
 *
 * @module
 */

import { compileEntry } from "../../harness/build/compile.ts";
import { type BuildKind, ENTRIES } from "../../harness/build/entry.ts";
import { PROJECT_ROOT } from "../../harness/build.ts";

const PARTS = `
import { cancel, eventAt, now, pendingEvents, schedule, takeEvent, wheelInit } from "./lib/wheel";
import { prngExponential, prngNext, prngSeed } from "./lib/prng";
import { HISTOGRAM_HALF, histogramIndex } from "./lib/histogram";
import { EV_ITR, EV_MSIX, EV_RULE, EVENTS, FLAG_LAST, FLAG_UDP, packetAt, packetDrop, packetsInit,
  packetTake, RSS_KEY, RULE_INPUT, WHEEL } from "./machine/abi";
import { chooseWrite, intervalBySize, updateContainer } from "./machine/adaptive_itr";
import { connectionAt, connectionsInit, groupAdd, groupAt, RUNNABLE, threadAt, UDP_STREAM }
  from "./machine/connection";
import { costSet, RULE_PROGRAM, TIMER, UDP_BUFFER } from "./machine/costs";
import { LOCATION_ANY, ruleActivate, ruleCount, ruleDelete, ruleQueue as queueByRule,
  rulesInit, ruleTcpCount } from "./machine/flow_director";
import { filterInsert } from "./machine/flow_input";
import { intrlOf, intrlSet, itrInit, itrPerVector, itrSet, vectorCheck, vectorComplete, vectorForce,
  vectorTimer } from "./machine/itr";
import { linkInit, linkToHost } from "./machine/link";
import { queueAt, queuesInit, rxContainer, txContainer } from "./machine/queue";
import { HASH_TCP4, rssHash, rssHashAddresses, rssInit, rssPortsV6, rssQueue, rssWordsV6 }
  from "./machine/rss";
import { totals, totalsInit } from "./machine/totals";
import { udpReceive } from "./machine/udp";

export { cancel, intervalBySize, intrlOf, intrlSet, itrInit, itrPerVector, itrSet, linkInit };
export { pendingEvents, queuesInit, vectorForce };
export { ruleActivate, ruleCount, ruleDelete, ruleTcpCount };
export function ruleQueue(protocol: u32, source: u32, destination: u32, ports: u32): i32 {
  return queueByRule(protocol, source, destination, ports, -1);
}
export { rssHashAddresses, rssInit, rssPortsV6, rssQueue, rssWordsV6 };
export const KEY: u32 = <u32>RSS_KEY;

export function hashV4(source: u32, destination: u32, ports: u32): u32 {
  return rssHash(HASH_TCP4, source, destination, ports);
}
/** An empty flow director of 64 queues. */
export function director(): void {
  queuesInit(64, 512);
  rulesInit();
}
/** Inserts a rule for one IPv4 flow at any location. */
export function ruleInsert(
  protocol: u32, source: u32, destination: u32, ports: u32, queue: i32,
): i32 {
  memory.fill(RULE_INPUT, 0, 88);
  store<u32>(RULE_INPUT, protocol);
  store<u32>(RULE_INPUT + 4, source);
  store<u32>(RULE_INPUT + 20, 0xffffffff);
  store<u32>(RULE_INPUT + 36, destination);
  store<u32>(RULE_INPUT + 52, 0xffffffff);
  store<u32>(RULE_INPUT + 68, ports);
  store<u32>(RULE_INPUT + 72, 0xffffffff);
  return filterInsert(LOCATION_ANY, queue);
}

export function wheel(capacity: u32): void { wheelInit(EVENTS, capacity, WHEEL); }
export function plan(delayHigh: u32, delayLow: u32, target: u32): u32 {
  return schedule(now() + ((<u64>delayHigh << 32) | delayLow), 1, target);
}
/** Target of the earliest event, or -1. */
export function take(): i32 {
  const index = takeEvent();
  return index == 0 ? -1 : <i32>eventAt(index).target;
}
export function nowHigh(): u32 { return <u32>(now() >> 32); }
export function nowLow(): u32 { return <u32>now(); }

export function seed(value: u32, stream: u32): void { prngSeed(64, value, stream); }
export function random(): u32 { return prngNext(64); }
export function exponential(mean: f64): f64 { return <f64>prngExponential(64, <u64>mean); }
export function half(): u32 { return HISTOGRAM_HALF; }
export function bucket(value: f64): u32 { return histogramIndex(<u64>value); }
export function wireTicks(bytes: u32): f64 { return <f64>linkToHost(bytes); }

/** Fields of queue 0's containers: rx 0, tx 1. */
export function setContainer(
  side: u32, target: u32, current: u32, packets: u32, bytes: u32, next: u32,
): void {
  const container = side == 0 ? rxContainer(0) : txContainer(0);
  container.adaptive = 1;
  container.target = target;
  container.current = current;
  container.packets = packets;
  container.bytes = bytes;
  container.nextUpdate = next;
}
export function setCountdown(count: u32): void { queueAt(0).countdown = count; }
export function countdown(): u32 { return queueAt(0).countdown; }
export function update(side: u32, jiffy: u32, gbps: u32): u32 {
  updateContainer(side == 0, rxContainer(0), txContainer(0), queueAt(0).countdown, jiffy, gbps);
  return side == 0 ? rxContainer(0).target : txContainer(0).target;
}
export function write(): u32 { return chooseWrite(rxContainer(0), txContainer(0), queueAt(0)); }

/** Interrupts of queue 0, on a host that answers each after a fixed time. */
export function hertz(hz: u32): void { costSet(TIMER, hz); }
export function cause(side: u32): void {
  if (side == 0) rxContainer(0).pending = 1;
  else txContainer(0).pending = 1;
  vectorCheck(0);
}
export function complete(rxWaits: bool): void { vectorComplete(0, rxWaits, false); }
export function gap(side: u32): u32 {
  return (side == 0 ? rxContainer(0) : txContainer(0)).current & 0x1fff;
}
export function programTime(ns: u32): void { costSet(RULE_PROGRAM, ns); }
/** Handles the next event: its kind (3 timer, 4 interrupt, 15 rule, 1 planned), 0 if none. */
export function next(): u32 {
  const index = takeEvent();
  if (index == 0) return 0;
  const kind = eventAt(index).kind;
  if (kind == EV_ITR) vectorTimer(0);
  else if (kind == EV_RULE) ruleActivate(eventAt(index).target);
  else assert(kind == EV_MSIX || kind == 1);
  return kind;
}
/** One UDP stream whose datagrams have so many bytes; its thread never comes to them. */
export function udpSocket(bytes: u32): void {
  packetsInit();
  connectionsInit();
  totalsInit();
  costSet(UDP_BUFFER, 1 << 24);
  const group = groupAt(groupAdd(1, 1));
  group.test = UDP_STREAM;
  group.messageBytes = bytes;
  threadAt(0).state = RUNNABLE;
}
/** A frame of a datagram arrives: how many datagrams the socket holds then. */
export function udpFrame(datagram: u32, payload: u32, isLast: bool): u32 {
  const number = packetTake(0, FLAG_UDP | (isLast ? FLAG_LAST : 0), payload, 34);
  packetAt(number).sequence = datagram;
  udpReceive(0, packetAt(number));
  packetDrop(number);
  return connectionAt(0).rxMessages;
}
export function datagramsBroken(): f64 { return <f64>totals().dropFragment; }

export function violations(): f64 { return <f64>queueAt(0).gapViolations; }
`;

/** The exported functions, and the key's place. */
export interface Parts {
  readonly calls: Readonly<Record<string, (...values: number[]) => number>>;
  readonly memory: WebAssembly.Memory;
  readonly key: number;
}

/** Compiles the test entry; about a second. */
export function compileParts(): Promise<WebAssembly.Module> {
  return compileFrom((path, text) => path === "core/machine.ts" ? PARTS : text);
}

/** A statement of core/ that is to be wrong: it stands once in its file. */
export interface Fault {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** What a variant of the whole machine has that the built one has not. */
export interface Variant {
  /** Text after core/machine.ts: exports that look at what lies inside, or spoil it. */
  readonly more?: string;
  /** Faults; `plantFault(number)` says which of them is there, none at the start. */
  readonly faults?: readonly Fault[];
  /**
   * As which build it is compiled, if that matters. By default no optimiser takes its time, and
   * rules are not checked after each event either.
   */
  readonly kind?: BuildKind;
}

const PLANTED = `
@global let planted: i32 = -1;
@global function plantFault(number: i32): void { planted = number; }
`;

/** Compiles the machine with more exports, and with faults to choose from; about a second. */
export function compileVariant(
  { more = "", faults = [], kind }: Variant,
): Promise<WebAssembly.Module> {
  return compileFrom((path, text) => {
    let changed = text;
    faults.forEach(({ file, from, to }, number) => {
      if (path !== file) return;
      if (changed.split(from).length !== 2) throw new Error(`${file} has not once: ${from}`);
      changed = changed.replace(from, choice(number, from, to));
    });
    if (path === "core/machine/abi.ts") return changed + PLANTED;
    return path === "core/machine.ts" ? `${changed}\n${more}\nexport { plantFault };` : changed;
  }, kind);
}

/** Both statements, or both openings of a block, of which the planted number takes one. */
function choice(number: number, from: string, to: string): string {
  const condition = (text: string) => text.match(/^if \((.*)\) \{/)?.[1];
  const [right, wrong] = [condition(from), condition(to)];
  if (right === undefined || wrong === undefined) {
    return `{ if (planted == ${number}) { ${to} } else { ${from} } }`;
  }
  const rest = from.slice(from.indexOf(") {"));
  return `if (planted == ${number} ? ${wrong} : ${right}${rest}`;
}

/** Compiles core/machine.ts with other texts in the place of some files. */
async function compileFrom(
  change: (path: string, text: string) => string,
  kind?: BuildKind,
): Promise<WebAssembly.Module> {
  const entry = ENTRIES.find(({ name }) => name === "machine")!;
  const read = async (path: string) => {
    const text = await Deno.readTextFile(new URL(path, PROJECT_ROOT)).catch(() => null);
    if (text === null) return null;
    // What a debug build checks after each event, unless it is one.
    return change(path, kind ? text : text.replaceAll("ASC_OPTIMIZE_LEVEL == 0", "false"));
  };
  const { bytes } = await compileEntry({ read }, entry, kind ?? "debug");
  return await WebAssembly.compile(bytes);
}

/** A fresh instance. */
export function makeParts(module: WebAssembly.Module): Parts {
  const { exports } = new WebAssembly.Instance(module, {
    env: {
      abort: (_message: number, _file: number, line: number) => {
        throw new Error(`assertion failed in line ${line}`);
      },
    },
    policy: {},
  });
  return {
    calls: exports as unknown as Parts["calls"],
    memory: exports["memory"] as WebAssembly.Memory,
    key: (exports["KEY"] as WebAssembly.Global).value as number,
  };
}
