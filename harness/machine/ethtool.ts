/**
 * `ethtool` on the model's device: typed calls by the names of its options, answered as the i40e
 * driver answers: 0, or a negative error number. A refused call changes nothing.
 *
 * What a call does is in core/machine/ethtool.ts; here are only names and the options that the
 * driver does not support.
 *
 * @module
 */

import { ERRNO } from "../policy/errno.ts";
import type { MachineCalls, MachineWasm } from "./wasm.ts";

/** Not given: what is there stays. */
const KEEP = -1;
const ALL_QUEUES = -1;

/** Options of `ethtool -C` that i40e has; what is left out stays as it is. */
export interface CoalesceOptions {
  readonly adaptiveRx?: boolean;
  readonly adaptiveTx?: boolean;
  readonly rxUsecs?: number;
  readonly txUsecs?: number;
  /** Cap on the vector's rate (INTRL). */
  readonly rxUsecsHigh?: number;
  readonly txUsecsHigh?: number;
  /** Work limit of a poll, for all queue pairs: transmit packets that it cleans at most. */
  readonly txFramesIrq?: number;
  /** The driver takes the work limit from txFramesIrq; this one it accepts and ignores. */
  readonly rxFramesIrq?: number;
}

/** Options of `ethtool -C` that i40e refuses. */
export const UNSUPPORTED_COALESCE = [
  "rxFrames",
  "txFrames",
  "rxUsecsIrq",
  "txUsecsIrq",
  "rxUsecsLow",
  "txUsecsLow",
  "rxFramesLow",
  "txFramesLow",
  "rxFramesHigh",
  "txFramesHigh",
  "sampleInterval",
  "pktRateLow",
  "pktRateHigh",
  "statsBlockUsecs",
] as const;
type UnsupportedCoalesce = Partial<Record<typeof UNSUPPORTED_COALESCE[number], number>>;

/** What `ethtool -c` shows of a queue pair. */
export interface CoalesceState {
  readonly adaptiveRx: boolean;
  readonly adaptiveTx: boolean;
  readonly rxUsecs: number;
  readonly txUsecs: number;
  readonly rxUsecsHigh: number;
  readonly txUsecsHigh: number;
  readonly rxFramesIrq: number;
  readonly txFramesIrq: number;
}

/** Flow types of `ethtool -N` that the device has, by IP protocol; the model has no IPv6. */
const FLOW_TYPES = { ip4: 0, tcp4: 6, udp4: 17, sctp4: 132 } as const;
/** A flow type that the device has. */
export type FlowType = keyof typeof FLOW_TYPES;

/** Bits of a field that a rule looks at; a number takes what ethtool's `m` leaves: see `mask`. */
const ADDRESS_MASK = 0xffff_ffff;
const PORT_MASK = 0xffff;
/** Take the highest free location, as the program `ethtool` does by itself. */
const ANY_LOCATION = -1;

/** A field of a rule: its value, and the bits of it that matter; without them all do. */
export interface RuleField {
  readonly value: number;
  readonly mask?: number;
}

/** A rule of `ethtool -N`; a field that is left out matches anything. */
export interface RuleOptions {
  /** A type that the device has not, ether for example, is refused by it. */
  readonly flowType: FlowType | "ether" | "tcp6" | "udp6" | "sctp6" | "ip6" | "ah4" | "esp4";
  readonly sourceAddress?: RuleField;
  readonly destinationAddress?: RuleField;
  readonly sourcePort?: RuleField;
  readonly destinationPort?: RuleField;
  readonly tos?: number;
  /** Queue, or -1 to drop. */
  readonly action: number;
  readonly location?: number;
}

/** A rule as `ethtool -n` shows it. */
export interface RuleState {
  readonly location: number;
  readonly flowType: FlowType;
  readonly sourceAddress?: number;
  readonly destinationAddress?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly action: number;
}

/** Bytes of the key, and entries of the table, of receive side scaling. */
const KEY_BYTES = 52;
const TABLE_ENTRIES = 512;

function maskOf(field: RuleField | undefined, all: number): number {
  return field === undefined ? 0 : field.mask ?? all;
}

function flag(value: boolean | undefined): number {
  return value === undefined ? KEEP : Number(value);
}

/** `ethtool` for the one device of a machine. */
export class Ethtool {
  readonly #calls: MachineCalls;

  constructor(machine: MachineWasm) {
    this.#calls = machine.calls;
  }

  /** `ethtool -C`, for all queue pairs, or `--per-queue` for one. */
  setCoalesce(options: CoalesceOptions & UnsupportedCoalesce, queue: number = ALL_QUEUES): number {
    if (UNSUPPORTED_COALESCE.some((name) => options[name] !== undefined)) {
      return -ERRNO.EOPNOTSUPP;
    }
    const numbers = [options.rxUsecs, options.txUsecs, options.rxUsecsHigh, options.txUsecsHigh];
    const refused = this.#calls.ethtoolCoalesce(
      queue,
      flag(options.adaptiveRx),
      flag(options.adaptiveTx),
      ...numbers.map((number) => number ?? KEEP),
    );
    if (refused === 0) this.#calls.ethtoolWorkLimit(options.txFramesIrq ?? 0);
    return refused;
  }

  /** `ethtool -c`: of queue pair 0, as the driver reports it, or of one. Null: no such queue. */
  coalesce(queue: number = 0): CoalesceState | null {
    const calls = this.#calls;
    const high = calls.ethtoolUsecsHigh(queue);
    if (high < 0) return null;
    return {
      adaptiveRx: calls.ethtoolAdaptive(queue, 0) === 1,
      adaptiveTx: calls.ethtoolAdaptive(queue, 1) === 1,
      rxUsecs: calls.ethtoolUsecs(queue, 0),
      txUsecs: calls.ethtoolUsecs(queue, 1),
      rxUsecsHigh: high,
      txUsecsHigh: high,
      rxFramesIrq: calls.ethtoolWorkLimitNow(),
      txFramesIrq: calls.ethtoolWorkLimitNow(),
    };
  }

  /** `ethtool -N flow-type ...`: the location, or an error. */
  insertRule(options: RuleOptions): number {
    const protocol = (FLOW_TYPES as Record<string, number>)[options.flowType];
    if (protocol === undefined || options.tos !== undefined) return -ERRNO.EOPNOTSUPP;
    const { sourceAddress, destinationAddress, sourcePort, destinationPort } = options;
    const word = (from: number, to: number) => (from << 16) | to;
    return this.#calls.ethtoolRule(
      protocol,
      options.location ?? ANY_LOCATION,
      sourceAddress?.value ?? 0,
      maskOf(sourceAddress, ADDRESS_MASK),
      destinationAddress?.value ?? 0,
      maskOf(destinationAddress, ADDRESS_MASK),
      word(sourcePort?.value ?? 0, destinationPort?.value ?? 0),
      word(maskOf(sourcePort, PORT_MASK), maskOf(destinationPort, PORT_MASK)),
      options.action,
    );
  }

  /** `ethtool -N delete`: 0, or an error. */
  deleteRule(location: number): number {
    return this.#calls.ruleDelete(location);
  }

  /** `ethtool -n`: all rules, by location. */
  rules(): RuleState[] {
    const rules: RuleState[] = [];
    let location = this.#calls.ethtoolRuleNext(0);
    for (; location >= 0; location = this.#calls.ethtoolRuleNext(location + 1)) {
      rules.push(this.#rule(location));
    }
    return rules;
  }

  #rule(location: number): RuleState {
    const word = (place: number) => this.#calls.ethtoolRuleWord(location, place);
    const protocol = word(0);
    const type = Object.entries(FLOW_TYPES).find(([, number]) => number === protocol);
    if (type === undefined) throw new Error(`The rule ${location} has no flow type`);
    const [ports, fields] = [word(3), word(4)];
    return {
      location,
      flowType: type[0] as FlowType,
      ...(fields & 1 ? { sourceAddress: word(1) >>> 0 } : {}),
      ...(fields & 2 ? { destinationAddress: word(2) >>> 0 } : {}),
      ...(fields & 4 ? { sourcePort: ports >>> 16 } : {}),
      ...(fields & 8 ? { destinationPort: ports & PORT_MASK } : {}),
      action: word(5),
    };
  }

  /** `ethtool -X equal N`: the table deals queues 0 to N - 1 out in turn. */
  setTableEqual(queueCount: number): number {
    if (queueCount < 1) return -ERRNO.EINVAL;
    return this.setTable(Array.from({ length: TABLE_ENTRIES }, (_, entry) => entry % queueCount));
  }

  /** `ethtool -X weight ...`: as many entries for each queue as its weight says. */
  setTableWeights(weights: readonly number[]): number {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    if (sum === 0 || weights.some((weight) => weight < 0)) return -ERRNO.EINVAL;
    let before = 0;
    const ends = weights.map((weight) => (before += weight) * TABLE_ENTRIES / sum);
    return this.setTable(
      Array.from({ length: TABLE_ENTRIES }, (_, entry) => ends.findIndex((end) => entry < end)),
    );
  }

  /** All 512 entries of the table. */
  setTable(entries: readonly number[]): number {
    const queues = this.#calls.nicQueues();
    const isFit = entries.length === TABLE_ENTRIES &&
      entries.every((queue) => queue >= 0 && queue < queues);
    if (!isFit) return -ERRNO.EINVAL;
    entries.forEach((queue, entry) => this.#calls.ethtoolTableSet(entry, queue));
    return 0;
  }

  /** `ethtool -x`: the table. */
  table(): number[] {
    return Array.from({ length: TABLE_ENTRIES }, (_, entry) => this.#calls.ethtoolTable(entry));
  }

  /** `ethtool -X hkey ...`: 52 bytes. */
  setKey(key: readonly number[]): number {
    if (key.length !== KEY_BYTES || key.some((byte) => byte < 0 || byte > 255)) {
      return -ERRNO.EINVAL;
    }
    key.forEach((byte, index) => this.#calls.ethtoolKeySet(index, byte));
    return 0;
  }
}
