/**
 * Settings at the bounds of their ranges, on devices of several sizes that reset themselves for new
 * channels and rings: every answer, and the device as it stands after each, as the shipped build
 * has them.
 *
 * @module
 */

import type { MachineWasm } from "../../../harness/machine/wasm.ts";
import { bareGroup, bareMachine } from "../../unit/machine_runs.ts";
import type { Trial } from "../trial.ts";
import { rule, seen } from "./again.ts";

type Step = (machine: MachineWasm) => number | void;

/** Settings that only a device which has not started has. */
const AT_FIRST: readonly Step[] = [
  ({ calls }) => calls.nicDim(0),
  ({ calls }) => calls.nicDim(1),
  ({ calls }) => calls.nicDim(2),
  ({ calls }) => calls.nicLatencyClasses(),
  ({ calls }) => calls.nicItrPerVector(1),
  ...[
    [0, 0, 0, 0],
    [0, 1, 1, 1],
    [0, 50, -1, 236],
    [0, -1, 50, 237],
    [0, 8160, 8160, 3],
    [0, 8161, 2, 4],
    [0, 2, 8161, 4],
    [8, 5, 5, 0],
    [5, 8, 8, 2],
  ].map(([queue, rx, tx, high]): Step => ({ calls }) =>
    calls.nicCoalesceStart(queue!, rx!, tx!, high!)
  ),
];

const NONE = -1;
const COALESCE = [
  [NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE],
  [0, 0, 0, 0, 0, 0, NONE, 1],
  [0, 0, 0, 1, 1, 1, NONE, 0],
  [0, 0, 0, 8160, 8160, 236, NONE, 2],
  [0, 0, 0, 8161, 10, 20, NONE, NONE],
  [0, 0, 0, 10, 8161, 20, NONE, NONE],
  [0, 0, 0, 10, 10, 237, NONE, NONE],
  [1, 1, 1, NONE, NONE, NONE, NONE, NONE],
  [1, 1, 1, 77, NONE, NONE, NONE, NONE],
  [1, 1, 0, NONE, 99, NONE, NONE, NONE],
  [1, 0, 0, 31, 33, NONE, 5, NONE],
  [NONE, 1, 0, NONE, 22, 4, 4, 3],
  [NONE, 0, 1, 22, NONE, NONE, NONE, NONE],
  [NONE, 1, 1, NONE, NONE, 0, 0, NONE],
  [4, 0, 0, 62, 122, NONE, NONE, NONE],
  [5, 1, 1, NONE, NONE, NONE, NONE, NONE],
  [7, 0, 0, 2, 3, NONE, NONE, NONE],
  [8, 0, 0, 2, 3, NONE, NONE, NONE],
] as const;

const SETTINGS: readonly Step[] = [
  ...COALESCE.map((values): Step => ({ calls }) => calls.ethtoolCoalesce(...values)),
  ...[[0, 1, 31], [1, 0, 41], [63, 63, 11], [63, 0, 12], [0, 63, 13], [1, 1, 14]].map(
    ([from, to, distance]): Step => ({ calls }) => calls.distanceSet(from!, to!, distance!),
  ),
  ...[[0, 1], [1, 0x80], [2, 0x100], [3, 0xf0], [4, 0], [7, 0xff], [8, 1]].map(
    ([queue, mask]): Step => ({ calls }) => calls.irqAffinitySet(queue!, mask!, 0),
  ),
  ({ calls }) => calls.irqAffinitySet(0, 0, 1),
];

/** Each may reset the device. */
const RESETS: readonly Step[] = [
  ...[[0, 0], [64, 64], [63, 64], [64, 63], [65, 96], [4096, 4096], [4097, 512], [512, 4097]]
    .concat([[4065, NONE], [NONE, 33], [NONE, NONE], [512, 4064]])
    .map(([rx, tx]): Step => ({ calls }) => calls.ethtoolRings(rx!, tx!)),
  ...[[0, 0, 0, 1], [1, 0, 0, 1], [2, 1, 0, 1], [2, 0, 1, 1], [2, 0, 0, 0], [2, 0, 0, 2]]
    .concat([[3, 0, 0, 1], [8, 0, 0, 1], [9, 0, 0, 1], [64, 0, 0, 1], [65, 0, 0, 1], [5, 0, 0, 1]])
    .map(([combined, rx, tx, other]): Step => ({ calls }) =>
      calls.ethtoolChannels(combined!, rx!, tx!, other!)
    ),
  (machine) => rule(machine, 17, 7, 3),
  (machine) => rule(machine, 132, 9, 4),
  ({ calls }) => calls.ethtoolChannels(4, 0, 0, 1),
  ({ calls }) => calls.reasonTake(),
  ({ calls }) => calls.reasonDetail(),
  ({ calls }) => calls.ruleDelete(7678),
  ({ calls }) => calls.ethtoolChannels(4, 0, 0, 1),
  ({ calls }) => calls.ethtoolChannels(8, 0, 0, 1),
];

/** Every step's answer, and what is seen behind it. */
function* course(module: WebAssembly.Module, queues: number, first: Step): Generator<string> {
  const machine = bareMachine(module, { queues, cpuCount: queues === 5 ? 6 : 8 });
  const { calls } = machine;
  const told = (answer: number | void) =>
    JSON.stringify([answer ?? 0, calls.ethtoolChannelsMost(), calls.ethtoolDown()]) + seen(machine);
  yield told(first(machine));
  for (const step of SETTINGS) yield told(step(machine));
  bareGroup(machine, "TCP_STREAM", 3, 65536);
  bareGroup(machine, "TCP_RR", 3, 1);
  bareGroup(machine, "UDP_RR", 2, 64);
  calls.machineStart(1e5, 1e9);
  for (const step of [...RESETS, ...SETTINGS]) {
    // What is under way goes on for a while, and is cut off by the reset that comes next.
    for (let turn = 0; turn < 40; turn++) calls.machineRun(5);
    yield told(step(machine));
    for (let turn = 0; turn < 400 && calls.ethtoolDown() === 1; turn++) calls.machineRun(5);
    yield told(0);
  }
}

function settingsTrial(queues: number, first: Step, number: number): Trial {
  let expected: readonly string[] | null = null;
  return {
    name: `settings ${number} of ${queues} queues`,
    oracle: "original",
    run(module) {
      if (expected === null) {
        expected = [...course(module, queues, first)];
        return null;
      }
      let place = 0;
      for (const text of course(module, queues, first)) {
        if (text !== expected[place++]) return `step ${place} ends otherwise`;
      }
      return null;
    },
  };
}

/** The trials: each start once, on one of three sizes. */
export const SETTINGS_TRIALS: readonly Trial[] = AT_FIRST.map((first, number) =>
  settingsTrial([8, 5, 1][number % 3]!, first, number)
);
