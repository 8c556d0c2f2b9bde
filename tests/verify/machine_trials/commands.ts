/**
 * Long lists of ethtool commands, and a full table of rules. What is expected is what the shipped
 * machine.wasm answers.
 *
 * @module
 */

import { Ethtool } from "../../../harness/machine/ethtool.ts";
import { CommandMistake, parseEthtool } from "../../../harness/machine/ethtool_command.ts";
import type { MachineWasm } from "../../../harness/machine/wasm.ts";
import { Random } from "../../../harness/verify/walk.ts";
import { bareMachine } from "../../unit/machine_runs.ts";
import type { Trial } from "../trial.ts";

/** ethtool commands of a trial, and on each machine. */
const COMMANDS = 600;
const COMMANDS_EACH = 40;

/** Commands with places for numbers. */
const TEMPLATES = [
  "-C eth0 adaptive-rx off rx-usecs #",
  "-C eth0 adaptive-tx off tx-usecs #",
  "-C eth0 adaptive-rx on adaptive-tx on",
  "-C eth0 rx-usecs-high #",
  "-C eth0 tx-frames-irq #",
  "--per-queue eth0 queue_mask # --coalesce rx-usecs #",
  "-X eth0 equal #",
  "-X eth0 weight # # # #",
  "-N eth0 flow-type tcp4 dst-port # action # loc #",
  "-N eth0 flow-type tcp4 src-ip 10.0.0.# src-port # dst-port # action #",
  "-N eth0 flow-type udp4 src-port # m # action #",
  "-N eth0 flow-type udp4 src-ip 10.0.0.# src-port # action # loc #",
  "-N eth0 flow-type tcp6 src-ip fd00::# dst-port # action # loc #",
  "-N eth0 flow-type udp6 src-port # action -1 loc #",
  "-N eth0 flow-type sctp4 src-port # action #",
  "-N eth0 flow-type ip4 src-ip 10.0.0.# l4proto # action #",
  "-N eth0 flow-type ip6 src-ip fd00::# action #",
  "-N eth0 flow-type ether proto # action #",
  "-N eth0 flow-type tcp4 dst-port # user-def # action # loc #",
  "-N eth0 flow-type tcp4 dst-port # tos # action #",
  "-N eth0 delete #",
  "-N eth0 delete #",
  "-N eth0 rx-flow-hash tcp4 sdfn",
  "-N eth0 rx-flow-hash udp4 sdfn",
  "-N eth0 rx-flow-hash udp4 sd",
  "-N eth0 rx-flow-hash udp6 sdfn",
  "-N eth0 rx-flow-hash tcp6 s",
  "-L eth0 combined #",
  "-L eth0 rx # tx #",
  "-G eth0 rx # tx #",
];
const NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 32, 62, 63, 64, 80, 128, 236, 237, 255, 256];
const LARGE = [300, 511, 512, 520, 4000, 4064, 4096, 4097, 8160, 8161, 8190, 8191, 65535, 65536];

/** Questions and settings that no command asks, with numbers that may be out of range. */
function rawAnswers(ethtool: Ethtool, { calls }: MachineWasm, random: Random): unknown[] {
  const [a, b] = [random.of(random.below(3) === 0 ? LARGE : NUMBERS), random.below(4)];
  return [
    calls.ethtoolTable(a),
    calls.ethtoolKey(a),
    calls.ethtoolUsecs(a, b % 2),
    calls.ethtoolAdaptive(a, b % 2),
    calls.ethtoolRuleNext(a),
    calls.ethtoolHashFields(b),
    calls.nicIrq(a % 8, b % 2),
    random.below(8) === 0 ? calls.ethtoolTableSet(a, b) : 0,
    random.below(8) === 0 ? calls.ethtoolKeySet(a, b) : 0,
    random.below(8) === 0 ? calls.ethtoolHashFieldsSet(b, a % 16) : 0,
    random.below(16) === 0
      ? calls.ethtoolCoalesce(a - 1, b % 2, 1, a, a, 0xffffffff, 0xffffffff)
      : 0,
    random.below(16) === 0 ? ethtool.key().join() : "",
  ];
}

/** What one command answers, and everything that can be read of the device then. */
function commandsOn(module: WebAssembly.Module, seed: number, line: (text: string) => boolean) {
  const random = new Random(seed);
  let machine = bareMachine(module);
  let ethtool = new Ethtool(machine);
  for (let number = 0; number < COMMANDS; number++) {
    // A device that is being reset refuses the rest: no time passes here.
    if (number % COMMANDS_EACH === 0) ethtool = new Ethtool(machine = bareMachine(module));
    const text = random.of(TEMPLATES).replaceAll(
      "#",
      () => String(random.of(random.below(6) === 0 ? LARGE : NUMBERS)),
    );
    let answer: number | string;
    try {
      answer = parseEthtool(text).run(ethtool);
    } catch (error) {
      if (!(error instanceof CommandMistake)) throw error;
      answer = error.message;
    }
    const state = [
      ...rawAnswers(ethtool, machine, random),
      ...[answer, ethtool.log.at(-1), ethtool.coalesce(number % 9), ethtool.channels()],
      ...[ethtool.rings(), ethtool.rules()],
      ...number % 8 === 0 ? [ethtool.table().join(), ethtool.flowHash("udp4")] : [],
    ];
    if (!line(JSON.stringify([text, ...state]))) return `"${text}" answers otherwise`;
  }
  return null;
}

function commandTrial(seed: number): Trial {
  let expected: string[] | null = null;
  return {
    name: `ethtool commands ${seed}`,
    oracle: "original",
    run(module) {
      if (expected === null) {
        const lines: string[] = [];
        commandsOn(module, seed, (line) => lines.push(line) > 0);
        expected = lines;
        return null;
      }
      let place = 0;
      const known = expected;
      return commandsOn(module, seed, (line) => line === known[place++]);
    },
  };
}

/** Rules until the device has no room, then every second one goes, then again until it is full. */
function fullTable(): Trial {
  let expected: string | null = null;
  return {
    name: "a full table of rules",
    oracle: "original",
    run(module) {
      const machine = bareMachine(module);
      const ethtool = new Ethtool(machine);
      const insert = (port: number) =>
        ethtool.insertRule(
          { flowType: "udp4", sourcePort: { value: port }, action: port % 8 } as never,
        );
      const answers: number[] = [];
      let port = 0;
      while (port < 9000) {
        const answer = insert(++port);
        answers.push(answer);
        if (answer < 0) break;
      }
      for (let location = 0; location < 9000; location += 97) {
        answers.push(ethtool.deleteRule(location), machine.calls.ethtoolRuleNext(location));
      }
      for (let more = 0; more < 120; more++) answers.push(insert(++port));
      const found = answers.join();
      expected ??= found;
      return found === expected ? null : "the answers differ";
    },
  };
}

/** The trials. */
export const COMMAND_TRIALS: readonly Trial[] = [...[1, 2, 3].map(commandTrial), fullTable()];
