/**
 * Interrupt coalescing as a user sets it: in the machine file, and with `ethtool -C` on the running
 * device, with the driver's ranges and errors.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Ethtool, UNSUPPORTED_COALESCE } from "../../harness/machine/ethtool.ts";
import { UserError } from "../../harness/errors.ts";
import { ERRNO } from "../../harness/policy/errno.ts";
import { type Coalesce, type MachineSpec, readMachine } from "../../harness/spec.ts";
import { readCounters } from "../../harness/machine/wasm.ts";
import {
  bareGroup,
  bareMachine,
  groupOf,
  loadModules,
  runToEnd,
  withCosts,
  X710,
} from "./machine_runs.ts";

const modules = await loadModules();
const OK = 0;
const { EINVAL, EOPNOTSUPP } = ERRNO;

function withCoalesce(machine: MachineSpec, coalesce: Partial<Coalesce>, isOne = false) {
  const nic = {
    ...machine.nic,
    itr_per_vector: isOne,
    coalesce: { ...machine.nic.coalesce, ...coalesce },
  };
  return { ...machine, nic };
}

const FIXED_100 = { adaptive_rx: false, adaptive_tx: false, rx_usecs: 100, tx_usecs: 100 };

/** Mean time of a transaction of one TCP_RR connection, us, and what queues had in force. */
function roundTrip(machine: MachineSpec, policy: "NONE" | "LATENCY" = "NONE") {
  const groups = [groupOf({ test: "TCP_RR" })];
  const result = runToEnd(modules, { groups, machine, policy, warmupMs: 20, measureMs: 80 });
  return { usecs: 1e6 / result.groups[0]!.throughput.value, result };
}

Deno.test("without a word in the machine file the device adapts, from 50 us, without a cap", () => {
  assert.deepEqual(X710.nic.coalesce, {
    adaptive_rx: true,
    adaptive_tx: true,
    rx_usecs: 50,
    tx_usecs: 50,
    rx_usecs_high: 0,
  });
  assert.equal(X710.nic.itr_per_vector, false);
});

Deno.test("fixed intervals of the machine file are in force, and a policy keeps its own", () => {
  const machine = withCoalesce(X710, FIXED_100);
  const stock = roundTrip(machine).result.queues[0]!;
  assert.deepEqual([stock.adaptive, stock.itr_rx_usecs, stock.itr_tx_usecs], [false, 100, 100]);
  const { queues } = roundTrip(machine, "LATENCY").result;
  const intervals = queues.map(({ itr_rx_usecs }) => itr_rx_usecs);
  assert.ok(intervals.includes(X710.nic.usecs.LATENCY.rx + 1), `5 us, rounded to 6: ${intervals}`);
});

/** How long the client takes, and the period of one request that is out at a time: R is 100 us. */
const PERIODS = [
  ["answers at once", 0, 100, 100],
  ["takes 60 us", 60, 100, 100],
  ["takes 95 us", 95, 120, 145],
  ["takes 180 us", 180, 190, 200],
] as const;

for (const [name, turnaroundUsecs, least, most] of PERIODS) {
  Deno.test(`ixgbe, 100 us fixed, a client that ${name}: a period between R and 2R`, () => {
    const costs = { peer_turnaround_ns: turnaroundUsecs * 1000 };
    const { usecs } = roundTrip(withCosts(withCoalesce(X710, FIXED_100, true), costs));
    assert.ok(least - 0.5 <= usecs && usecs <= most + 0.5, `${usecs} us`);
  });
}

Deno.test("on i40e transmit interrupts do not hold up receive: the period is shorter", () => {
  const costs = { peer_turnaround_ns: 95_000 };
  const two = roundTrip(withCosts(withCoalesce(X710, FIXED_100), costs)).usecs;
  const one = roundTrip(withCosts(withCoalesce(X710, FIXED_100, true), costs)).usecs;
  assert.ok(two < 115 && one > 125, `${two} us, ${one} us`);
});

Deno.test("rx_usecs_high caps the interrupts of each vector whatever the intervals", () => {
  const zero = { adaptive_rx: false, adaptive_tx: false, rx_usecs: 0, tx_usecs: 0 };
  const groups = [groupOf({ test: "TCP_STREAM", connections: 4 })];
  const rates = [0, 20, 236].map((rx_usecs_high) => {
    const machine = withCoalesce(X710, { ...zero, rx_usecs_high });
    const { queues } = runToEnd(modules, { groups, machine });
    return Math.max(...queues.map(({ interrupts }) => interrupts)) / 10;
  });
  assert.ok(rates[0]! > 50, `${rates} per ms`);
  assert.ok(rates[1]! > 40 && rates[1]! <= 50.1, `${rates} per ms`);
  assert.ok(rates[2]! > 3.8 && rates[2]! <= 4.3, `${rates} per ms`);
});

/** A machine file with this nic section. */
async function refusalOf(nic: string, speed = 10): Promise<string> {
  const file = await Deno.makeTempFile({ prefix: "machine_", suffix: ".jsonc" });
  const text = `{ "title": "t", "host": { "nodes": [{ "id": 0, "cpus": [0] }], ` +
    `"distance": [[10]] },\n"nic": { "model": "X710", "speed_gbps": ${speed}, "queue_pairs": 1, ${nic} } }`;
  await Deno.writeTextFile(file, text);
  try {
    await readMachine(file, "/");
    return "";
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.message.slice(error.message.indexOf(".jsonc") + 6);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("a machine file with intervals that would not be in force is refused", async () => {
  assert.equal(await refusalOf(`"coalesce": { "adaptive_rx": false, "rx_usecs": 8 }`), "");
  assert.match(
    await refusalOf(`"coalesce": { "rx_usecs": 8 }`),
    /^:2:\d+: nic\.coalesce\.rx_usecs is 8: set adaptive_rx to false with it/,
  );
  assert.match(await refusalOf(`"coalesce": { "rx_usecs_high": 240 }`), /accepted is 0 to 236/);
  const fixed = `"adaptive_rx": false, "adaptive_tx": false, "rx_usecs": 8, "tx_usecs": 9`;
  assert.equal(await refusalOf(`"coalesce": { ${fixed} }`), "");
  assert.match(
    await refusalOf(`"itr_per_vector": true, "coalesce": { ${fixed} }`),
    /has 8 for rx and 9 for tx: with nic\.itr_per_vector there is one interval/,
  );
});

Deno.test("an XXV710 has 25 Gb/s, an X710 has not", async () => {
  const at25 = { ...X710.nic, model: "XXV710", speed_gbps: 25 } as const;
  const groups = [groupOf({ test: "TCP_STREAM", connections: 8 })];
  const machine = withCosts({ ...X710, nic: at25 }, { tcp_window_bytes: 1 << 19 });
  const { groups: [stream] } = runToEnd(modules, { groups, machine });
  const gbps = stream!.throughput.value / 1e9;
  assert.ok(gbps > 15 && gbps < 25, `${gbps} Gb/s`);
  assert.match(await refusalOf(`"node": -1`, 25), /nic\.speed_gbps is 25: accepted are 1, 10 for/);
});

/** `ethtool -C` options, the answer, and what `ethtool -c` shows then where it is accepted. */
const ADAPTIVE_OFF = { adaptiveRx: false, adaptiveTx: false };
const REQUESTS = [
  [{ ...ADAPTIVE_OFF, rxUsecs: 0, txUsecs: 0 }, OK, { rxUsecs: 0, txUsecs: 0 }],
  [{ ...ADAPTIVE_OFF, rxUsecs: 8160, txUsecs: 8160 }, OK, { rxUsecs: 8160, txUsecs: 8160 }],
  [{ ...ADAPTIVE_OFF, rxUsecs: 61 }, OK, { rxUsecs: 62, txUsecs: 50, adaptiveRx: false }],
  [{ rxUsecsHigh: 0 }, OK, { rxUsecsHigh: 0 }],
  [{ rxUsecsHigh: 236 }, OK, { rxUsecsHigh: 236, txUsecsHigh: 236, adaptiveRx: true }],
  [{ rxUsecsHigh: 23 }, OK, { rxUsecsHigh: 20, txUsecsHigh: 20 }],
  [{ adaptiveTx: false, txUsecs: 10 }, OK, { adaptiveRx: true, adaptiveTx: false, txUsecs: 10 }],
  [{ rxUsecs: 50 }, OK, { rxUsecs: 50, adaptiveRx: true }],
  [{ txUsecsHigh: 0 }, OK, { txUsecsHigh: 0 }],
  [{ txFramesIrq: 64 }, OK, { txFramesIrq: 64, rxFramesIrq: 64 }],
  [{ txFramesIrq: 0 }, OK, { txFramesIrq: 256, rxFramesIrq: 256 }],
  [{ rxFramesIrq: 64 }, OK, { txFramesIrq: 256, rxFramesIrq: 256 }],
  [{ txFramesIrq: 64, rxUsecs: 40 }, -EINVAL, { txFramesIrq: 64, rxFramesIrq: 64 }],
  [{ ...ADAPTIVE_OFF, rxUsecs: 8161 }, -EINVAL, null],
  [{ ...ADAPTIVE_OFF, txUsecs: 8162 }, -EINVAL, null],
  [{ rxUsecs: 40 }, -EINVAL, null],
  [{ txUsecs: 40 }, -EINVAL, null],
  [{ adaptiveRx: true, rxUsecs: 40 }, -EINVAL, null],
  [{ rxUsecsHigh: 237 }, -EINVAL, null],
  [{ txUsecsHigh: 20 }, -EINVAL, null],
] as const;

for (const [options, answer, shown] of REQUESTS) {
  Deno.test(`ethtool -C ${JSON.stringify(options)} answers ${answer}`, () => {
    const ethtool = new Ethtool(bareMachine(modules.machineModule));
    const before = ethtool.coalesce(7);
    assert.equal(ethtool.setCoalesce(options), answer);
    const taken = answer === OK ? { ...before, ...options } : before;
    const expected = { ...taken, ...shown };
    assert.deepEqual(ethtool.coalesce(7), expected, "queue 7");
  });
}

for (const name of UNSUPPORTED_COALESCE) {
  Deno.test(`ethtool -C ${name} is not supported`, () => {
    const ethtool = new Ethtool(bareMachine(modules.machineModule));
    const before = ethtool.coalesce();
    assert.equal(ethtool.setCoalesce({ [name]: 1, rxUsecsHigh: 8 }), -EOPNOTSUPP);
    assert.deepEqual(ethtool.coalesce(), before);
  });
}

Deno.test("--per-queue sets one queue pair; there is no ninth, and a get shows queue 0", () => {
  const ethtool = new Ethtool(bareMachine(modules.machineModule));
  assert.equal(ethtool.setCoalesce({ ...ADAPTIVE_OFF, rxUsecs: 8, rxUsecsHigh: 12 }, 3), OK);
  assert.equal(ethtool.coalesce(3)!.rxUsecs, 8);
  assert.equal(ethtool.coalesce()!.rxUsecs, 50);
  assert.equal(ethtool.coalesce()!.rxUsecsHigh, 12, "of the cap the driver keeps one for all");
  assert.equal(ethtool.setCoalesce({ rxUsecsHigh: 8 }, 8), -EINVAL);
  assert.deepEqual(ethtool.log, ["Invalid queue value, queue range is 0 - 7"]);
  assert.equal(ethtool.coalesce(8), null);
});

Deno.test("--per-queue with a mask sets those queue pairs, or none if one refuses", () => {
  const ethtool = new Ethtool(bareMachine(modules.machineModule));
  const rx = () => Array.from({ length: 8 }, (_, queue) => ethtool.coalesce(queue)!.rxUsecs);
  assert.equal(ethtool.setCoalescePerQueue(0b10000110n, { ...ADAPTIVE_OFF, rxUsecs: 8 }), OK);
  assert.deepEqual(rx(), [50, 8, 8, 50, 50, 50, 50, 8]);
  assert.equal(ethtool.setCoalescePerQueue(0b1110n, { rxUsecs: 20 }), -EINVAL, "3 is adaptive");
  assert.deepEqual(rx(), [50, 8, 8, 50, 50, 50, 50, 8]);
  assert.equal(ethtool.setCoalescePerQueue(0x100n, { rxUsecsHigh: 8 }), -EINVAL, "no ninth");
});

Deno.test("a request for all queue pairs is about queue pair 0, and all get its settings", () => {
  const ethtool = new Ethtool(bareMachine(modules.machineModule));
  assert.equal(ethtool.setCoalesce({ ...ADAPTIVE_OFF, rxUsecs: 8 }, 3), OK);
  assert.equal(ethtool.setCoalesce({ rxUsecs: 8 }), -EINVAL, "queue pair 0 is adaptive");
  assert.equal(ethtool.coalesce(3)!.rxUsecs, 8);
  assert.equal(ethtool.setCoalesce({ rxUsecsHigh: 20 }), OK);
  assert.equal(ethtool.coalesce(3)!.rxUsecs, 50);
  assert.equal(ethtool.coalesce(3)!.adaptiveRx, true);
});

/** What the driver says to a refusal. */
const SAID = [
  [{ ...ADAPTIVE_OFF, rxUsecs: 8161 }, "Invalid value, rx-usecs range is 0-8160"],
  [{ ...ADAPTIVE_OFF, txUsecs: 9000 }, "Invalid value, tx-usecs range is 0-8160"],
  [{ rxUsecsHigh: 237 }, "Invalid value, rx-usecs-high range is 0-236"],
  [{ txUsecsHigh: 20 }, "tx-usecs-high is not used, please program rx-usecs-high"],
  [
    { rxUsecs: 9000 },
    "RX interrupt moderation cannot be changed if adaptive-rx is enabled.",
  ],
  [
    { txUsecs: 40 },
    "TX interrupt moderation cannot be changed if adaptive-tx is enabled.",
  ],
] as const;

for (const [options, sentence] of SAID) {
  Deno.test(`to ethtool -C ${JSON.stringify(options)} the driver says: ${sentence}`, () => {
    const ethtool = new Ethtool(bareMachine(modules.machineModule));
    assert.equal(ethtool.setCoalesce(options), -EINVAL);
    assert.deepEqual(ethtool.log, [sentence]);
  });
}

Deno.test("a poll cleans no more transmit packets than the work limit", () => {
  const pollsAt = (txFramesIrq: number) => {
    const machine = bareMachine(modules.machineModule);
    assert.equal(new Ethtool(machine).setCoalesce({ txFramesIrq }), OK);
    bareGroup(machine, "UDP_RR", 64, 60_000);
    machine.calls.machineStart(1e6, 19e6);
    while (machine.calls.machineRun(10_000) < 2);
    assert.equal(machine.calls.checkMachine(), 0);
    const { QUEUE_TABLE, QUEUE_COUNTERS, QUEUE_BYTES } = machine.constants;
    const at = (queue: number) => QUEUE_TABLE + queue * QUEUE_BYTES + QUEUE_COUNTERS + 6 * 8;
    return Array.from({ length: 8 }, (_, queue) => readCounters(machine, at(queue), 1)[0]!)
      .reduce((sum, count) => sum + count);
  };
  const [few, default256] = [pollsAt(1), pollsAt(256)];
  assert.ok(few > 1.2 * default256, `${few} and ${default256} polls`);
});

Deno.test("adaptive again after an interval of 0 starts from 2 us", () => {
  const machine = bareMachine(modules.machineModule);
  const ethtool = new Ethtool(machine);
  assert.equal(ethtool.setCoalesce({ ...ADAPTIVE_OFF, rxUsecs: 0 }), OK);
  assert.equal(ethtool.setCoalesce({ adaptiveRx: true }), OK);
  assert.deepEqual(ethtool.coalesce()!.adaptiveRx, true);
  const { QUEUE_TABLE } = machine.constants;
  const target = new Uint32Array(machine.memory.buffer, QUEUE_TABLE, 1)[0];
  assert.equal(target, 2, "the wanted interval of queue 0's receive side");
});
