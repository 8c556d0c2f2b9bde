/**
 * The form of an interleaving: one file says which threads do what on a small host, and what every
 * order of their steps must lead to. With `locking` the threads follow a description of locks; with
 * none they run policy.wasm itself.
 *
 * @module
 */

import { basename, resolve } from "node:path";
import {
  type Finding,
  JSONC_ENDING,
  type JsoncDocument,
  jsoncNames,
  parseJsonc,
  readText,
} from "../jsonc.ts";
import { WORKLOADS_FOLDER } from "../spec.ts";
import type { Exploration } from "./exploration.ts";

/** Folder of the built-in interleavings. */
export const INTERLEAVINGS_FOLDER: string = resolve(WORKLOADS_FOLDER, "interleavings");

/**
 * Where a locking departs from the lab's own: one lock held by the slow path of a packet and by an
 * update, a fast path that takes none, and an update that ends after a grace period.
 */
export const DEPARTURES = {
  "work-items": "the look-up runs later, in a work item",
  "own-locks": "update and look-up hold locks of their own",
  "caches-after-lock":
    "a queue is cached when the lock is released, with the version of that moment",
  "keeps-objects": "a policy change leaves the records' objects as they are",
  "rcu-frees-at-once": "records are found under RCU, and one that is replaced is freed at once",
  "version-before-lists": "the version is raised, and the lock released, before lists are ready",
  "version-before-cache": "a new version is stored while the old queue still stands in the cache",
  "picks-in-two": "the lock is released between looking at the record and giving it an object",
  "queue-before-version": "the fast path reads the cached queue before the versions it compares",
  "no-grace": "an update ends without waiting for packets under way",
  "sleeps-in-dying": "the notifier of a dying CPU takes a mutex while the machine is stopped",
} as const;

/** One departure by name. */
export type Departure = keyof typeof DEPARTURES;

/** Exact counts of an interleaving, and the sentence that it must find. */
export interface ExpectedOrders {
  readonly states: number;
  readonly transitions: number;
  /** Steps of the longest of the shortest ways. */
  readonly depth: number;
  /** Begin of what is found; none: nothing may be. */
  readonly finds?: string;
}

/** An interleaving file, defaults filled in. */
export interface Interleaving {
  readonly name: string;
  readonly title: string;
  readonly cpus: number;
  /** Queue pairs of the one device. */
  readonly queues: number;
  /** Policy of the device at the start. */
  readonly policy: string;
  /** Policy of each socket; the first is number 1. */
  readonly sockets: readonly string[];
  /** What each thread does, in order. */
  readonly threads: Readonly<Record<string, readonly string[]>>;
  readonly locking?: readonly Departure[];
  readonly expect?: ExpectedOrders;
}

/** Kinds of actions of a thread. */
export type ActionKind = "packet" | "channels" | "policy" | "offline" | "online" | "close";

/** One action of a thread, taken apart. */
export interface Action {
  readonly kind: ActionKind;
  /** Socket, count of channels or CPU. */
  readonly number: number;
  /** Policy of "policy". */
  readonly name: string;
  /** Direction of a packet: rx 0, tx 1. */
  readonly direction: 0 | 1;
}

/** Most CPUs, queues, sockets: orders grow with the power of everything. */
const SMALL = 4;
const THREADS_MAX = 4;
const ACTIONS_MAX = 4;
const POLICIES = ["NONE", "BULK", "LATENCY", "MIX"];
const ACTION = `^(packet [1-${SMALL}]( tx)?|channels [1-${SMALL}]|policy (${POLICIES.join("|")})|` +
  `offline [0-${SMALL - 1}]|online [0-${SMALL - 1}]|close [1-${SMALL}])$`;

const count = (minimum: number, maximum: number) => ({ type: "integer", minimum, maximum });

/** JSON Schema 2020-12 of an interleaving. */
export const INTERLEAVING_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Interleaving of the NET policy lab",
  type: "object",
  properties: {
    $schema: { type: "string" },
    title: { type: "string", minLength: 1 },
    cpus: { ...count(1, SMALL), default: 2 },
    queues: { ...count(1, SMALL), default: 2 },
    policy: { enum: POLICIES, default: "BULK" },
    sockets: {
      type: "array",
      items: { enum: ["CPU", "BULK", "LATENCY"] },
      minItems: 1,
      maxItems: SMALL,
    },
    threads: {
      type: "object",
      minProperties: 1,
      maxProperties: THREADS_MAX,
      additionalProperties: {
        type: "array",
        items: { type: "string", pattern: ACTION },
        minItems: 1,
        maxItems: ACTIONS_MAX,
      },
      description: "packet SOCKET [tx], channels COUNT, policy NAME, offline CPU, online CPU, " +
        "close SOCKET",
    },
    locking: {
      type: "array",
      items: { enum: Object.keys(DEPARTURES) },
      uniqueItems: true,
      description: "where a described locking departs from ours; without it: policy.wasm itself",
    },
    expect: {
      type: "object",
      properties: {
        states: count(1, 1e9),
        transitions: count(0, 1e10),
        depth: count(0, 1000),
        finds: { type: "string", minLength: 1 },
      },
      required: ["states", "transitions", "depth"],
      additionalProperties: false,
    },
  },
  required: ["title", "sockets", "threads"],
  additionalProperties: false,
};

/** An action's words, as the schema accepts them. */
export function actionOf(text: string): Action {
  const [kind, operand, direction] = text.split(" ");
  const isName = kind === "policy";
  return {
    kind: kind as ActionKind,
    number: isName ? 0 : Number(operand),
    name: isName ? operand! : "",
    direction: direction === "tx" ? 1 : 0,
  };
}

/** Mistakes in an interleaving that fits its schema. */
function relations({ value }: JsoncDocument<Interleaving>): Finding[] {
  const findings: Finding[] = [];
  const used = new Set<number>();
  const closed = new Set<number>();
  for (const [thread, actions] of Object.entries(value.threads)) {
    actions.forEach((text, place) => {
      const { kind, number, direction } = actionOf(text);
      const refuse = (reason: string) =>
        findings.push({
          path: ["threads", thread, place],
          message: `threads.${thread}[${place}] is "${text}": ${reason}`,
        });
      const isOfSocket = kind === "packet" || kind === "close";
      if (isOfSocket && number > value.sockets.length) {
        refuse(`there are ${value.sockets.length} sockets`);
      }
      if ((kind === "offline" || kind === "online") && number >= value.cpus) {
        refuse(`the CPUs are 0 to ${value.cpus - 1}`);
      }
      if (kind === "channels" && number > value.queues) {
        refuse(`the device has ${value.queues} queue pairs`);
      }
      if (value.locking !== undefined && (kind === "close" || direction === 1)) {
        refuse("a described locking has neither tx packets nor closing sockets");
      }
      if (kind === "packet") used.add(number);
      if (kind !== "close") return;
      if (closed.has(number)) refuse("the socket was closed before");
      closed.add(number);
    });
  }
  for (const socket of closed) {
    if (!used.has(socket)) continue;
    findings.push({
      path: ["threads"],
      message: `threads close socket ${socket} and send its packets: who sends holds it open`,
    });
  }
  return findings;
}

/** Names of the built-in interleavings, sorted. */
export function builtinInterleavings(): Promise<string[]> {
  return jsoncNames(INTERLEAVINGS_FOLDER);
}

/**
 * Reads an interleaving by its file.
 *
 * @throws {UserError} for the first mistake, with its place.
 */
export async function readInterleaving(file: string): Promise<Interleaving> {
  const { value } = parseJsonc<Interleaving>(await readText(file), file, {
    schema: INTERLEAVING_SCHEMA,
    relations,
  });
  return { ...value, name: basename(file, JSONC_ENDING) };
}

/** Reads a built-in interleaving. */
export async function readBuiltinInterleaving(name: string): Promise<Interleaving> {
  return await readInterleaving(resolve(INTERLEAVINGS_FOLDER, name + JSONC_ENDING));
}

/** The host of an interleaving as one that policy.wasm is explored on. */
export function hostOf({ name, title, cpus, queues, sockets }: Interleaving): Exploration {
  return {
    name,
    title,
    profile: "ci",
    topology: {
      nodes: [{ id: 0, cpus: Array.from({ length: cpus }, (_, cpu) => cpu) }],
      distance: [[10]],
      siblings: [],
    },
    devices: [{
      name: "eth0",
      netns: 1,
      node: 0,
      rxQueues: queues,
      txQueues: queues,
      policies: ["NONE", "CPU", "BULK", "LATENCY"],
      mix: true,
      queuePair: true,
      irqAffinity: true,
      maxRecords: 0,
      ruleCapacity: 0,
    }],
    strategy: "round-robin",
    partition: "rfc",
    capacities: { owners: sockets.length, rules: 0, allowed: 0, buckets: 1 },
    version_max: 0,
    faults: 0,
    operations: {},
  };
}
