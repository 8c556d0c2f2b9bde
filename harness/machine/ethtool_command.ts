/**
 * A command line of `ethtool` in a workload file, taken apart as the program does: words to typed
 * calls. Settings of the model's device only; what shows something has no effect on a run.
 *
 * Pure until `run` is called. Whether the driver takes a command is seen then.
 *
 * @module
 */

import ipaddr from "ipaddr.js";
import type {
  Address,
  CoalesceOptions,
  Ethtool,
  HashType,
  RuleField,
  RuleOptions,
} from "./ethtool.ts";

/** What a command line asks for. */
export interface EthtoolCommand {
  /** Carries it out: 0 or a location, or a negative error number. */
  readonly run: (ethtool: Ethtool) => number;
  /** Channels that it asks for, where it is one of -L. */
  readonly channels?: number;
}

/** A mistake in a command line, as the end of a sentence. */
export class CommandMistake extends Error {}

/** The words that are left of a command. */
class Words {
  readonly #words: readonly string[];
  #next = 0;

  constructor(line: string) {
    this.#words = line.trim().split(/\s+/);
  }

  get isEmpty(): boolean {
    return this.#next === this.#words.length;
  }

  /** The next word; `what` it should be is told if there is none. */
  take(what: string): string {
    const word = this.#words[this.#next++];
    if (word === undefined || word === "") throw new CommandMistake(`ends where ${what} is due`);
    return word;
  }

  /** Takes the next word if it is this one. */
  takes(word: string): boolean {
    if (this.#words[this.#next] !== word) return false;
    this.#next++;
    return true;
  }

  number(what: string): number {
    const number = Number(this.long(what));
    if (Number.isSafeInteger(number)) return number;
    throw new CommandMistake(`has ${number} for ${what}: accepted are numbers below 2^53`);
  }

  long(what: string): bigint {
    const word = this.take(`a number for ${what}`);
    if (!/^(-?\d+|0x[0-9a-f]+)$/i.test(word)) {
      throw new CommandMistake(`has "${word}" for ${what}: accepted is a number`);
    }
    return BigInt(word);
  }

  onOff(what: string): boolean {
    const word = this.take(`on or off for ${what}`);
    if (word === "on" || word === "off") return word === "on";
    throw new CommandMistake(`has "${word}" for ${what}: accepted are on, off`);
  }
}

function among<Name extends string>(word: string, names: readonly Name[]): Name {
  if ((names as readonly string[]).includes(word)) return word as Name;
  throw new CommandMistake(`has "${word}": accepted are ${names.join(", ")}`);
}

const SWITCHES = { "adaptive-rx": "adaptiveRx", "adaptive-tx": "adaptiveTx" } as const;
/** Numbers of `ethtool -C` by their names; a driver that has not one refuses it. */
const NUMBERS = {
  "rx-usecs": "rxUsecs",
  "tx-usecs": "txUsecs",
  "rx-usecs-high": "rxUsecsHigh",
  "tx-usecs-high": "txUsecsHigh",
  "rx-frames-irq": "rxFramesIrq",
  "tx-frames-irq": "txFramesIrq",
  "rx-frames": "rxFrames",
  "tx-frames": "txFrames",
  "rx-usecs-irq": "rxUsecsIrq",
  "tx-usecs-irq": "txUsecsIrq",
  "rx-usecs-low": "rxUsecsLow",
  "tx-usecs-low": "txUsecsLow",
  "rx-frame-low": "rxFramesLow",
  "tx-frame-low": "txFramesLow",
  "rx-frame-high": "rxFramesHigh",
  "tx-frame-high": "txFramesHigh",
  "sample-interval": "sampleInterval",
  "pkt-rate-low": "pktRateLow",
  "pkt-rate-high": "pktRateHigh",
  "stats-block-usecs": "statsBlockUsecs",
} as const;

function coalesce(words: Words): CoalesceOptions {
  const options: Record<string, number | boolean> = {};
  do {
    const name = words.take("an option of -C");
    if (Object.hasOwn(SWITCHES, name)) {
      options[SWITCHES[name as keyof typeof SWITCHES]] = words.onOff(name);
    } else {
      const known = among(name, Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]);
      options[NUMBERS[known]] = words.number(name);
    }
  } while (!words.isEmpty);
  return options;
}

function perQueue(words: Words): EthtoolCommand {
  if (!words.takes("queue_mask")) throw new CommandMistake("lacks queue_mask");
  const mask = words.long("queue_mask");
  if (!words.takes("--coalesce") && !words.takes("-C")) {
    throw new CommandMistake("lacks --coalesce, the one sub-command that sets something");
  }
  const options = coalesce(words);
  return { run: (ethtool) => ethtool.setCoalescePerQueue(mask, options) };
}

/** Names with a number each, any number of them but one at least. */
function numbers<Name extends string>(words: Words, names: readonly Name[]) {
  const values: Partial<Record<Name, number>> = {};
  do {
    const name = among(words.take(names.join(" or ")), names);
    values[name] = words.number(name);
  } while (!words.isEmpty);
  return values;
}

function channels(words: Words): EthtoolCommand {
  const options = numbers(words, ["combined", "rx", "tx", "other"]);
  return {
    run: (ethtool) => ethtool.setChannels(options),
    ...(options.combined === undefined ? {} : { channels: options.combined }),
  };
}

function rings(words: Words): EthtoolCommand {
  const { "rx-mini": rxMini, "rx-jumbo": rxJumbo, ...sizes } = numbers(words, [
    "rx",
    "tx",
    "rx-mini",
    "rx-jumbo",
  ]);
  const options = {
    ...sizes,
    ...(rxMini === undefined ? {} : { rxMini }),
    ...(rxJumbo === undefined ? {} : { rxJumbo }),
  };
  return { run: (ethtool) => ethtool.setRings(options) };
}

function hash(words: Words): EthtoolCommand {
  const kinds = ["default", "equal", "weight", "hkey"] as const;
  const kind = among(words.take("default, equal, weight or hkey"), kinds);
  if (kind === "default") return { run: (ethtool) => ethtool.setTableDefault() };
  if (kind === "equal") {
    const count = words.number("equal");
    return { run: (ethtool) => ethtool.setTableEqual(count) };
  }
  if (kind === "weight") {
    const weights: number[] = [];
    do weights.push(words.number("weight")); while (!words.isEmpty);
    return { run: (ethtool) => ethtool.setTableWeights(weights) };
  }
  const text = words.take("a key of bytes with colons");
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2})*$/i.test(text)) {
    throw new CommandMistake(`has "${text}" for hkey: accepted are bytes in hex with colons`);
  }
  const key = text.split(":").map((byte) => parseInt(byte, 16));
  return { run: (ethtool) => ethtool.setKey(key) };
}

function address(words: Words, what: string): Address {
  const text = words.take(`an address for ${what}`);
  if (!ipaddr.isValid(text)) {
    throw new CommandMistake(`has "${text}" for ${what}: accepted is an IPv4 or IPv6 address`);
  }
  const bytes = ipaddr.parse(text).toByteArray();
  const word = (at: number) => bytes.slice(at, at + 4).reduce((sum, byte) => sum * 256 + byte, 0);
  return bytes.length === 4 ? word(0) : [word(0), word(4), word(8), word(12)];
}

/** A field's value and, behind `m`, the bits that do not matter. */
function field<Value>(words: Words, read: () => Value, left: (ignored: Value) => Value) {
  const value = read();
  return words.takes("m") ? { value, mask: left(read()) } : { value };
}

/** Bits that an address's `m` leaves. */
function kept(ignored: Address): Address {
  return typeof ignored === "number"
    ? ~ignored >>> 0
    : ignored.map((word) => ~word >>> 0) as unknown as Address;
}

const ADDRESSES = { "src-ip": "sourceAddress", "dst-ip": "destinationAddress" } as const;
const PORTS = { "src-port": "sourcePort", "dst-port": "destinationPort" } as const;
const PLAIN = { tos: "tos", l4proto: "protocol", action: "action", loc: "location" } as const;
const RULE_WORDS = [
  ...Object.keys(ADDRESSES),
  ...Object.keys(PORTS),
  ...Object.keys(PLAIN),
  "user-def",
];

function rule(words: Words): EthtoolCommand {
  const options: Record<string, unknown> = { flowType: words.take("a flow type") };
  while (!words.isEmpty) {
    const name = words.take("a field");
    if (Object.hasOwn(ADDRESSES, name)) {
      const key = ADDRESSES[name as keyof typeof ADDRESSES];
      options[key] = field(words, () => address(words, name), kept);
    } else if (Object.hasOwn(PORTS, name)) {
      const key = PORTS[name as keyof typeof PORTS];
      options[key] = field(words, () => words.number(name), (bits) => ~bits & 0xffff);
    } else if (Object.hasOwn(PLAIN, name)) {
      options[PLAIN[name as keyof typeof PLAIN]] = words.number(name);
    } else {
      among(name, RULE_WORDS);
      options["userDefined"] = userDefined(words);
    }
  }
  if (options["action"] === undefined) throw new CommandMistake("lacks action");
  const given = options as unknown as RuleOptions;
  return { run: (ethtool) => ethtool.insertRule(given) };
}

/** The lower half of the 64 bits, which is what the driver looks at. */
function userDefined(words: Words): RuleField {
  const low = () => Number(BigInt.asUintN(32, words.long("user-def")));
  return field(words, low, (bits) => ~bits >>> 0);
}

function classify(words: Words): EthtoolCommand {
  const kind = among(words.take("flow-type, delete or rx-flow-hash"), [
    "flow-type",
    "delete",
    "rx-flow-hash",
  ]);
  if (kind === "flow-type") return rule(words);
  if (kind === "delete") {
    const location = words.number("delete");
    return { run: (ethtool) => ethtool.deleteRule(location) };
  }
  const type = words.take("a packet type") as HashType;
  const letters = words.take("fields of s, d, f, n");
  return { run: (ethtool) => ethtool.setFlowHash(type, letters) };
}

const COMMANDS: Readonly<Record<string, (words: Words) => EthtoolCommand>> = {
  "-C": (words) => {
    const options = coalesce(words);
    return { run: (ethtool) => ethtool.setCoalesce(options) };
  },
  "--per-queue": perQueue,
  "-L": channels,
  "-G": rings,
  "-X": hash,
  "-N": classify,
};
const LONG_NAMES: Readonly<Record<string, string>> = {
  "--coalesce": "-C",
  "-Q": "--per-queue",
  "--set-channels": "-L",
  "--set-ring": "-G",
  "--rxfh": "-X",
  "--set-rxfh-indir": "-X",
  "-U": "-N",
  "--config-ntuple": "-N",
  "--config-nfc": "-N",
};

/**
 * Takes a command line apart: option, device, words. The name `ethtool` in front may be there.
 *
 * @throws {CommandMistake} when the program would print its usage.
 */
export function parseEthtool(line: string): EthtoolCommand {
  const words = new Words(line);
  words.takes("ethtool");
  const name = words.take("an option");
  // Object.hasOwn: "constructor" is no option, though every object has one.
  const known = Object.hasOwn(LONG_NAMES, name) ? LONG_NAMES[name]! : name;
  const parse = Object.hasOwn(COMMANDS, known) ? COMMANDS[known] : undefined;
  if (parse === undefined) {
    throw new CommandMistake(
      `has "${name}": accepted are ${Object.keys(COMMANDS).join(", ")} and their long names`,
    );
  }
  const device = words.take("the name of the device");
  if (device !== "eth0") throw new CommandMistake(`has device "${device}": accepted is eth0`);
  const command = parse(words);
  if (!words.isEmpty) throw new CommandMistake(`has "${words.take("")}" too many`);
  return command;
}
