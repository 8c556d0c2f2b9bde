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
import { driverSentence } from "./ethtool_log.ts";
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

/** Options of `ethtool -L`. */
export interface ChannelOptions {
  readonly combined?: number;
  readonly rx?: number;
  readonly tx?: number;
  /** Channels of other use, of which there is one: the flow director's. */
  readonly other?: number;
}

/** What `ethtool -l` shows; there are no channels of one direction. */
export interface ChannelState {
  readonly combined: number;
  readonly combinedMax: number;
  readonly other: number;
  readonly otherMax: number;
}

/** Options of `ethtool -G`; the driver refuses the mini and the jumbo ring. */
export interface RingOptions {
  readonly rx?: number;
  readonly tx?: number;
  readonly rxMini?: number;
  readonly rxJumbo?: number;
}

/** What `ethtool -g` shows. */
export interface RingState {
  readonly rx: number;
  readonly tx: number;
  readonly rxMax: number;
  readonly txMax: number;
}

/** Descriptors of the largest ring (I40E_MAX_NUM_DESCRIPTORS). */
const RING_MAX = 4096;

/** Flow types of `ethtool -N` that the device has: IP protocol, 256 more over IPv6. */
const FLOW_TYPES = {
  ip4: 0,
  tcp4: 6,
  udp4: 17,
  sctp4: 132,
  ip6: 256,
  tcp6: 262,
  udp6: 273,
  sctp6: 388,
} as const;
/** A flow type that the device has. */
export type FlowType = keyof typeof FLOW_TYPES;

/** Take the highest free location, as the program `ethtool` does by itself. */
const ANY_LOCATION = -1;
const ALL_ONES = 0xffff_ffff;
const PORT_MASK = 0xffff;

/** An address: one word of IPv4, or four of IPv6, the first one first. */
export type Address = number | readonly [number, number, number, number];

/**
 * A field of a rule: its value, and the bits of it that matter, which is what is left of all by the
 * mask of `ethtool ... m`; without it all do.
 */
export interface RuleField<Value = number> {
  readonly value: Value;
  readonly mask?: Value;
}

/** A rule of `ethtool -N`; a field that is left out matches anything. */
export interface RuleOptions {
  /** A type that the device has not, ether for example, is refused by it. */
  readonly flowType: FlowType | "ether" | "ah4" | "esp4" | "ah6" | "esp6";
  readonly sourceAddress?: RuleField<Address>;
  readonly destinationAddress?: RuleField<Address>;
  readonly sourcePort?: RuleField;
  readonly destinationPort?: RuleField;
  /** Type of service or traffic class, which the driver refuses. */
  readonly tos?: number;
  /** Transport protocol of ip4 and ip6, which the driver refuses. */
  readonly protocol?: number;
  /**
   * 64 bits: place of a 16-bit word in the payload << 16 | the word. All of the lower half matters
   * or nothing.
   */
  readonly userDefined?: RuleField;
  /** Queue, or -1 to drop. */
  readonly action: number;
  readonly location?: number;
}

/** A rule as `ethtool -n` shows it. */
export interface RuleState {
  readonly location: number;
  readonly flowType: FlowType;
  readonly sourceAddress?: Address;
  readonly destinationAddress?: Address;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly userDefined?: number;
  readonly action: number;
}

/** Packet types of `rx-flow-hash` whose fields can be chosen, in the order of rss.ts. */
const HASH_TYPES = ["tcp4", "udp4", "tcp6", "udp6"] as const;
/** Others that the driver takes as long as no ports are asked for; they change nothing. */
const HASH_TYPES_FIXED = ["sctp4", "ah4", "esp4", "sctp6", "ah6", "esp6", "ip4", "ip6"] as const;
/** A packet type of `rx-flow-hash`. */
export type HashType = typeof HASH_TYPES[number] | typeof HASH_TYPES_FIXED[number] | "ether";
/** Letters of ethtool for source, destination, bytes 0 and 1, and bytes 2 and 3 of the ports. */
const HASH_LETTERS = "sdfn";

/** Bytes of the key, and entries of the table, of receive side scaling. */
const KEY_BYTES = 52;
const TABLE_ENTRIES = 512;

function words(address: Address): readonly number[] {
  return typeof address === "number" ? [address, 0, 0, 0] : address;
}

/** Words of a field's value and of its mask, all of which matter where no mask is given. */
function addressWords(field: RuleField<Address> | undefined): number[] {
  if (field === undefined) return [0, 0, 0, 0, 0, 0, 0, 0];
  const all = typeof field.value === "number" ? ALL_ONES : [ALL_ONES, ALL_ONES, ALL_ONES, ALL_ONES];
  return [...words(field.value), ...words(field.mask ?? all as Address)];
}

function portMask(field: RuleField | undefined): number {
  return field === undefined ? 0 : field.mask ?? PORT_MASK;
}

/** Words of a rule in the order of filterInsert in core/machine/flow_input.ts. */
function ruleWords(options: RuleOptions): number[] {
  const { sourcePort, destinationPort, userDefined } = options;
  const both = (from: number, to: number) => (from << 16) | to;
  const unknown = 1;
  return [
    (FLOW_TYPES as Record<string, number>)[options.flowType] ?? unknown,
    ...addressWords(options.sourceAddress),
    ...addressWords(options.destinationAddress),
    both(sourcePort?.value ?? 0, destinationPort?.value ?? 0),
    both(portMask(sourcePort), portMask(destinationPort)),
    userDefined?.value ?? 0,
    userDefined === undefined ? 0 : userDefined.mask ?? ALL_ONES,
    options.tos ?? 0,
  ];
}

function flag(value: boolean | undefined): number {
  return value === undefined ? KEEP : Number(value);
}

const NO_RULE: RuleOptions = { flowType: "ip4", action: -1 };

/** `ethtool` for the one device of a machine. */
export class Ethtool {
  readonly #calls: MachineCalls;
  readonly #input: Uint32Array;
  readonly #log: string[] = [];

  constructor(machine: MachineWasm) {
    this.#calls = machine.calls;
    const { RULE_INPUT } = machine.constants;
    this.#input = new Uint32Array(machine.memory.buffer, RULE_INPUT, ruleWords(NO_RULE).length);
  }

  /** What the driver has written to the kernel's log, the last refusal at the end. */
  get log(): readonly string[] {
    return this.#log;
  }

  /** Notes the driver's sentence on a refusal; returns the answer. */
  #answered(answer: number): number {
    const reason = this.#calls.reasonTake();
    const sentence = driverSentence(reason, this.#calls.reasonDetail());
    if (answer < 0 && sentence !== null) this.#log.push(sentence);
    return answer;
  }

  /**
   * `ethtool -C`, for all queue pairs, or for one. What is left out is for all of them as queue
   * pair 0 has it.
   */
  setCoalesce(options: CoalesceOptions & UnsupportedCoalesce, queue: number = ALL_QUEUES): number {
    if (UNSUPPORTED_COALESCE.some((name) => options[name] !== undefined)) {
      return -ERRNO.EOPNOTSUPP;
    }
    const numbers = [options.rxUsecs, options.txUsecs, options.rxUsecsHigh, options.txUsecsHigh];
    return this.#answered(this.#calls.ethtoolCoalesce(
      queue,
      flag(options.adaptiveRx),
      flag(options.adaptiveTx),
      ...numbers.map((number) => number ?? KEEP),
      options.txFramesIrq ?? KEEP,
    ));
  }

  /**
   * `ethtool --per-queue DEV queue_mask MASK --coalesce ...`: the queue pairs of the mask in turn;
   * what was set before one that refuses is put back.
   */
  setCoalescePerQueue(mask: bigint, options: CoalesceOptions & UnsupportedCoalesce): number {
    const before: (readonly [number, CoalesceState])[] = [];
    for (let queue = 0; mask >> BigInt(queue) > 0n; queue++) {
      if ((mask >> BigInt(queue) & 1n) === 0n) continue;
      const state = this.coalesce(queue);
      const refused = this.setCoalesce(options, queue);
      if (refused < 0) {
        for (const [each, { txUsecsHigh: _, ...old }] of before) this.setCoalesce(old, each);
        return refused;
      }
      before.push([queue, state!]);
    }
    return 0;
  }

  /** `ethtool -c`: of queue pair 0, as the driver reports it, or of one. Null: no such queue. */
  coalesce(queue: number = 0): CoalesceState | null {
    const calls = this.#calls;
    if (calls.ethtoolAdaptive(queue, 0) < 0) return null;
    const high = calls.ethtoolUsecsHigh();
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

  /** `ethtool -l`: channels there are and may be. */
  channels(): ChannelState {
    const combined = this.#calls.nicQueues();
    return { combined, combinedMax: this.#calls.ethtoolChannelsMost(), other: 1, otherMax: 1 };
  }

  /**
   * `ethtool -L`: begins the reset after which the device has so many channels. More than there are
   * CPUs are as many as there are CPUs.
   */
  setChannels({ combined, rx = 0, tx = 0, other = 1 }: ChannelOptions): number {
    const count = combined ?? this.#calls.nicQueues();
    return this.#answered(this.#calls.ethtoolChannels(count, rx, tx, other));
  }

  /** `ethtool -g`: descriptors of the rings, and the most of each. */
  rings(): RingState {
    const [rx, tx] = [this.#calls.ethtoolRing(0), this.#calls.ethtoolRing(1)];
    return { rx, tx, rxMax: RING_MAX, txMax: RING_MAX };
  }

  /** `ethtool -G`: descriptors, 64 to 4096, rounded up to 32; the rings restart. */
  setRings({ rx, tx, rxMini, rxJumbo }: RingOptions): number {
    if ((rxMini ?? 0) > 0 || (rxJumbo ?? 0) > 0) return -ERRNO.EINVAL;
    return this.#answered(this.#calls.ethtoolRings(rx ?? KEEP, tx ?? KEEP));
  }

  /** Whether a reset is under way: until its end everything answers -EBUSY. */
  get isResetting(): boolean {
    return this.#calls.ethtoolDown() === 1;
  }

  /** `ethtool -N flow-type ...`: the location, or an error. */
  insertRule(options: RuleOptions): number {
    // The driver looks at what it has not in the order of the fields, the protocol last.
    this.#input.set(ruleWords(options));
    if (options.protocol !== undefined) return -ERRNO.EINVAL;
    const location = options.location ?? ANY_LOCATION;
    return this.#answered(this.#calls.ethtoolRule(location, options.action));
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
    const number = word(0);
    const type = Object.entries(FLOW_TYPES).find(([, each]) => each === number);
    if (type === undefined) throw new Error(`The rule ${location} has no flow type`);
    const flowType = type[0] as FlowType;
    const address = (first: number): Address => {
      const [word0 = 0, ...others] = [0, 1, 2, 3].map((place) => word(first + place) >>> 0);
      return flowType.endsWith("4") ? word0 : [word0, ...others] as unknown as Address;
    };
    const [ports, fields, flex] = [word(9), word(12), word(13)];
    return {
      location,
      flowType,
      ...(fields & 1 ? { sourceAddress: address(1) } : {}),
      ...(fields & 2 ? { destinationAddress: address(5) } : {}),
      ...(fields & 4 ? { sourcePort: ports >>> 16 } : {}),
      ...(fields & 8 ? { destinationPort: ports & PORT_MASK } : {}),
      ...(flex > 0 ? { userDefined: ((flex - 1) << 16) | word(10) } : {}),
      action: word(11),
    };
  }

  /** `ethtool -X equal N`: the table deals queues 0 to N - 1 out in turn. */
  setTableEqual(queueCount: number): number {
    if (queueCount < 1) return -ERRNO.EINVAL;
    return this.setTable(Array.from({ length: TABLE_ENTRIES }, (_, entry) => entry % queueCount));
  }

  /** `ethtool -X default`: the table deals all queues out in turn (ethtool_rxfh_indir_default). */
  setTableDefault(): number {
    return this.setTableEqual(this.#calls.nicQueues());
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
    if (this.isResetting) return -ERRNO.EBUSY;
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
    if (this.isResetting) return -ERRNO.EBUSY;
    key.forEach((byte, index) => this.#calls.ethtoolKeySet(index, byte));
    return 0;
  }

  /** `ethtool -x`: the key. */
  key(): number[] {
    return Array.from({ length: KEY_BYTES }, (_, index) => this.#calls.ethtoolKey(index));
  }

  /**
   * `ethtool -N rx-flow-hash TYPE sdfn`: by which fields packets of a type are hashed. -EINVAL: a
   * letter or a type that the device has not, or ports for a type without (f, n).
   */
  setFlowHash(type: HashType, letters: string): number {
    if (letters === "" || [...letters].some((letter) => !HASH_LETTERS.includes(letter))) {
      return -ERRNO.EINVAL;
    }
    if ((HASH_TYPES_FIXED as readonly string[]).includes(type)) {
      const takesPorts = type === "ip4" || type === "ip6";
      return !takesPorts && /[fn]/.test(letters) ? -ERRNO.EINVAL : 0;
    }
    const number = (HASH_TYPES as readonly string[]).indexOf(type);
    if (number < 0) return -ERRNO.EINVAL;
    const bits = [...HASH_LETTERS].map((letter, bit) => letters.includes(letter) ? 1 << bit : 0);
    this.#calls.ethtoolHashFieldsSet(number, bits.reduce((sum, bit) => sum | bit));
    return 0;
  }

  /** `ethtool -n rx-flow-hash TYPE`: the letters of the fields. */
  flowHash(type: typeof HASH_TYPES[number]): string {
    const bits = this.#calls.ethtoolHashFields(HASH_TYPES.indexOf(type));
    return [...HASH_LETTERS].filter((_, bit) => (bits & (1 << bit)) !== 0).join("");
  }
}
