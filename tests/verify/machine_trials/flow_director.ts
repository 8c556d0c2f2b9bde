/**
 * Flow director: random rules, good and refused ones, on machine.wasm and on a small model of what
 * the i40e driver accepts; after each command all rules, and what they give to flows.
 *
 * @module
 */

import { Random } from "../../../harness/verify/walk.ts";
import { bareGroup } from "../../unit/machine_runs.ts";
import { type Inside, insideTrial } from "./inside.ts";

const [ENOENT, EINVAL, ENOSPC, EOPNOTSUPP] = [-2, -22, -28, -95];
/** Filters of one port of a two-port card (flow_director.ts). */
const LIMIT = 7680;
const QUEUES = 8;
/** Free filters from which on a table that was full takes rules again (i40e.h). */
const RULE_ROOM = 32;
const FLEX_PLACES = 3;
const FULL = 0xffffffff;
const V6 = 256;
const TYPES = [6, 17, 132, 0, 6 + V6, 17 + V6, 132 + V6, V6];

/** The words of a rule as `ethtool -N` hands them over; see flow_input.ts. */
type Words = number[];

interface Rule {
  readonly type: number;
  readonly source: readonly number[];
  readonly destination: readonly number[];
  readonly ports: number;
  readonly flexWord: number;
  readonly queue: number;
}

interface FlowType {
  count: number;
  fields: number;
  flex: number;
}

/** 1 where all of a mask is ones, 0 where none, null for a part of it. */
function whole(values: readonly number[], ones: number): number | null {
  if (values.every((value) => value === ones)) return 1;
  return values.every((value) => value === 0) ? 0 : null;
}

/** Bits of both ports that a set of fields has. */
function portsMask(fields: number): number {
  return ((fields & 4) === 0 ? 0 : 0xffff0000) + ((fields & 8) === 0 ? 0 : 0xffff);
}

/** What the driver keeps. */
class Model {
  readonly rules = new Map<number, Rule>();
  readonly types: FlowType[] = TYPES.map(() => ({ count: 0, fields: 0, flex: 0 }));
  #isStopped = false;

  insert(words: Words, location: number, queue: number): number {
    const [type, flexMask] = [TYPES.indexOf(words[0]!), words[20]!];
    if (flexMask !== 0 && flexMask !== FULL) return EINVAL;
    if (type < 0 || words[21] !== 0) return EOPNOTSUPP;
    const size = type < 4 ? 1 : 4;
    const masks = [
      whole(words.slice(5, 5 + size), FULL),
      whole(words.slice(13, 13 + size), FULL),
      whole([words[18]! >>> 16], 0xffff),
      whole([words[18]! & 0xffff], 0xffff),
    ];
    if (masks.includes(null)) return EOPNOTSUPP;
    const place = words[19]! >>> 16;
    if (flexMask !== 0 && (place % 2 === 1 || place >= 64)) return EINVAL;
    const flex = flexMask === 0 ? 0 : place + 1;
    const fields = masks.reduce<number>((all, mask, bit) => all + (mask! << bit), 0);
    const refused = this.#refused(type, fields, flex);
    if (refused !== 0) return refused;
    if (location < -1 || location >= LIMIT || queue < -1 || queue >= QUEUES) return EINVAL;
    const address = (from: number, isIn: number) =>
      [0, 1, 2, 3].map((word) => isIn === 1 && word < size ? words[from + word]! : 0);
    const rule: Rule = {
      type,
      source: address(1, masks[0]!),
      destination: address(9, masks[1]!),
      ports: (words[17]! & portsMask(fields)) >>> 0,
      flexWord: flexMask === 0 ? 0 : words[19]! & 0xffff,
      queue,
    };
    for (const [other, known] of this.rules) {
      if (other !== location && this.#isSame(rule, known)) return EINVAL;
    }
    return this.#put(rule, location, fields, flex);
  }

  #refused(type: number, fields: number, flex: number): number {
    if (type % 4 === 3 && fields > 3) return EOPNOTSUPP;
    const used = this.types.filter(({ count, flex }) => count > 0 && flex > 0);
    const places = new Set(used.map(({ flex }) => flex));
    if (flex > 0 && !places.has(flex) && places.size >= FLEX_PLACES) return ENOSPC;
    const known = this.types[type]!;
    const fits = known.count === 0 || (known.fields === fields && known.flex === flex);
    return fits ? 0 : EOPNOTSUPP;
  }

  /** As i40e_match_fdir_filter compares: of IPv6 ports and half of the source address. */
  #isSame(one: Rule, other: Rule): boolean {
    const size = one.type < 4 ? 4 : 2;
    const hasSame = (side: "source" | "destination") =>
      one[side].slice(0, size).join() === other[side].slice(0, size).join();
    return one.type === other.type && one.ports === other.ports && hasSame("source") &&
      (one.type >= 4 || hasSame("destination"));
  }

  #put(rule: Rule, location: number, fields: number, flex: number): number {
    if (!this.rules.has(location)) {
      const free = LIMIT - this.rules.size;
      if (this.#isStopped && free <= RULE_ROOM) return ENOSPC;
      this.#isStopped = free === 0;
      if (this.#isStopped) return ENOSPC;
    }
    let place = location;
    if (location < 0) { for (place = LIMIT - 1; this.rules.has(place); place--); }
    if (this.rules.has(place)) this.remove(place);
    this.rules.set(place, rule);
    const known = this.types[rule.type]!;
    Object.assign(known, { count: known.count + 1, fields, flex });
    return place;
  }

  remove(location: number): number {
    const rule = this.rules.get(location);
    if (rule === undefined) return ENOENT;
    this.types[rule.type]!.count--;
    this.rules.delete(location);
    return 0;
  }

  /** Queue that rules in force give a flow of IPv4, -2 to drop it, -1 for none. */
  queueOf(flowType: number, source: number, destination: number, ports: number, flexWord: number) {
    const type = TYPES.indexOf(flowType);
    const known = this.types[type];
    if (known === undefined || known.count === 0) return -1;
    const mask = portsMask(known.fields);
    for (const rule of this.rules.values()) {
      if (rule.type !== type || rule.ports !== (ports & mask) >>> 0) continue;
      if (rule.source[0] !== ((known.fields & 1) === 0 ? 0 : source)) continue;
      if (rule.destination[0] !== ((known.fields & 2) === 0 ? 0 : destination)) continue;
      if (known.flex !== 0 && rule.flexWord !== flexWord) return -1;
      return rule.queue === -1 ? -2 : rule.queue;
    }
    return -1;
  }
}

const ADDRESSES = [0x0a000001, 0x0a000002, 0x8badf00d];
const PORTS = [0x00500051, 0x00500052, 0xc0010051, 0xffffffff];
const PLACES = [0, 2, 4, 6, 62, 1, 64, 63];

/** A rule that is mostly accepted. */
function drawRule(random: Random): Words {
  const words: Words = Array.from({ length: 22 }, () => 0);
  const rarely = (value: number, other: number) => random.below(24) === 0 ? value : other;
  words[0] = rarely(random.of([1, 5, 7, 16, 131, 133, 255, 512, 6 + 512]), random.of(TYPES));
  const place = TYPES.indexOf(words[0]);
  // The fields of a type are mostly the same, so that its rules get on with each other.
  const fields = random.below(6) === 0
    ? random.below(16)
    : [13, 15, 12, 3, 15, 9, 2, 1][place] ?? 1;
  const address = (from: number, isIn: number) => {
    const size = place < 4 ? 1 : 4;
    for (let word = 0; word < size; word++) {
      words[from + word] = word === 0 || word === 3 ? random.of(ADDRESSES) : random.below(2);
      words[from + 4 + word] = isIn === 0 ? rarely(1, 0) : rarely(FULL - 1, FULL);
    }
  };
  address(1, fields & 1);
  address(9, fields & 2);
  words[17] = random.of(PORTS);
  const half = (isIn: number) => rarely(random.of([1, 0x7fff, 0xff00]), isIn === 0 ? 0 : 0xffff);
  words[18] = (half(fields & 4) * 65536 + half(fields & 8)) >>> 0;
  if (random.below(4) === 0) {
    words[19] = (random.of(PLACES) * 65536 + random.below(3)) >>> 0;
    words[20] = rarely(random.of([1, 0xffff, 0x7fffffff]), FULL);
  }
  words[21] = rarely(1, 0);
  return words;
}

function insertOn(
  { machine: { memory, constants }, calls }: Inside,
  words: Words,
  at: number,
  queue: number,
) {
  new Uint32Array(memory.buffer, constants.RULE_INPUT, words.length).set(words);
  return calls.ethtoolRule(at, queue);
}

/** Everything that can be read of the rules. */
function allRules({ calls }: Inside): number[][] {
  const rules: number[][] = [];
  for (let at = calls.ethtoolRuleNext(0); at >= 0; at = calls.ethtoolRuleNext(at + 1)) {
    const words = Array.from({ length: 14 }, (_, word) => calls.ethtoolRuleWord(at, word));
    rules.push([at, ...words.map((value, word) => word === 11 ? value : value >>> 0)]);
  }
  return rules;
}

function allOf({ rules, types }: Model): number[][] {
  return [...rules].sort(([a], [b]) => a - b).map(([at, rule]) => [
    at,
    TYPES[rule.type]!,
    ...rule.source,
    ...rule.destination,
    rule.ports,
    rule.flexWord,
    rule.queue,
    types[rule.type]!.fields,
    types[rule.type]!.flex,
  ]);
}

const LOCATIONS = [0, 1, 63, 64, 65, 127, 4096, LIMIT - 65, LIMIT - 64, LIMIT - 1];

/** Rules come and go; those that are there are in force at every look. */
function rulesTrial(seed: number) {
  return insideTrial(`rules of the flow director ${seed}`, "model", (inside) => {
    const { calls, machine } = inside;
    const random = new Random(seed);
    const model = new Model();
    bareGroup(machine, "UDP_RR", 2);
    calls.machineStart(1e6, 4e9);
    for (let number = 0; number < 240 && inside.wrong === null; number++) {
      const at = random.below(8) === 0 ? random.of([-2, LIMIT, 9000]) : random.of(LOCATIONS);
      if (random.below(4) === 0) {
        inside.same(calls.ruleDelete(at), model.remove(at), `rule ${at} is deleted`);
      } else {
        const words = drawRule(random);
        const queue = random.below(16) === 0 ? random.of([-2, QUEUES, 99]) : random.below(9) - 1;
        const location = random.below(3) === 0 ? -1 : at;
        const what = `rule ${words.join(" ")} at ${location} for queue ${queue}`;
        inside.same(
          insertOn(inside, words, location, queue),
          model.insert(words, location, queue),
          what,
        );
      }
      inside.same(allRules(inside), allOf(model), `rules after ${number} commands`);
      inside.same(calls.rulesUsed(), model.rules.size, "their number");
      if (number % 3 === 0) looksAt(inside, model);
      if (number % 40 === 0) inside.same(calls.checkMachine(), 0, "conservation rule");
    }
    // The device keeps its rules over a reset and loses them when it is made anew.
    calls.ethtoolChannels(8, 0, 0, 1);
    inside.same(allRules(inside), allOf(model), "rules in the end");
    calls.machineReset(1);
    inside.same(allRules(inside), [], "rules of a new device");
    inside.same(calls.rulesUsed(), 0, "their number");
  }, { costs: { rule_program_ns: 100 } });
}

/** What rules give to flows once they are programmed. */
function looksAt(inside: Inside, model: Model): void {
  const { calls } = inside;
  const until = calls.nowNs() + 200;
  while (calls.nowNs() <= until) calls.machineRun(1);
  for (const type of [...TYPES.slice(0, 4), 7]) {
    for (const source of ADDRESSES) {
      for (
        const [destination, ports, word] of [
          [ADDRESSES[0]!, PORTS[0]!, 0],
          [ADDRESSES[1]!, PORTS[1]!, 1],
          [ADDRESSES[2]!, PORTS[2]!, 2],
          [ADDRESSES[0]!, PORTS[3]!, -1],
        ] as const
      ) {
        const flow = [type, source, destination, ports, word] as const;
        inside.is(
          model.queueOf(...flow),
          "flow_director/ruleQueue",
          ...flow.map((value) => value | 0),
        );
      }
    }
  }
}

/** Rules until there is no room, holes, and what goes into them. */
const full = insideTrial("a table that is full, and has room again", "model", (inside) => {
  const { calls } = inside;
  const model = new Model();
  const both = (words: Words, at: number, what: string) =>
    inside.same(insertOn(inside, words, at, 3), model.insert(words, at, 3), what);
  const rule = (port: number) => {
    const words: Words = Array.from({ length: 22 }, () => 0);
    [words[0], words[17], words[18]] = [17, port, 0xffff];
    return words;
  };
  let port = 0;
  // The model looks for the same rule in vain: every port is another.
  for (; port < LIMIT; port++) {
    const location = LIMIT - 1 - port;
    if (insertOn(inside, rule(port), -1, 3) !== location) return inside.same(port, -1, "room");
    model.rules.set(location, {
      type: 1,
      source: [0, 0, 0, 0],
      destination: [0, 0, 0, 0],
      ports: port,
      flexWord: 0,
      queue: 3,
    });
  }
  Object.assign(model.types[1]!, { count: LIMIT, fields: 8, flex: 0 });
  both(rule(port), -1, "a rule more than there is room for");
  both(rule(port), 5, "a rule in place of another");
  inside.same(calls.checkMachine(), 0, "conservation rule");
  const free = (location: number) =>
    inside.same(calls.ruleDelete(location), model.remove(location), `rule ${location} is deleted`);
  for (let hole = 0; hole < RULE_ROOM; hole++) free(hole * 97);
  both(rule(++port), -1, "a rule while there is room for 32");
  free(LIMIT - 1);
  for (let more = 0; more < RULE_ROOM + 3; more++) both(rule(++port), -1, `hole ${more}`);
  inside.same(allRules(inside), allOf(model), "all rules");
  inside.same(calls.checkMachine(), 0, "conservation rule");
});

/** The trials. */
export const FLOW_DIRECTOR_TRIALS = [...[1, 2, 3, 4].map(rulesTrial), full];
