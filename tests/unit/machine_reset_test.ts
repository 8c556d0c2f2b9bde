/**
 * `ethtool -L` and `-G` on a device under load: what is accepted, what the reset loses and what it
 * leaves, and how the policy manager learns of new channels.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Ethtool } from "../../harness/machine/ethtool.ts";
import { TOTAL_NAMES, type TotalName } from "../../harness/machine/reading.ts";
import { type MachineWasm, readCounters } from "../../harness/machine/wasm.ts";
import { ERRNO } from "../../harness/policy/errno.ts";
import type { TestName } from "../../harness/record.ts";
import { compileVariant, type Fault } from "./machine_parts.ts";
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
const { EBUSY, EINVAL } = ERRNO;
/** Times of a reset and a restart, and of retransmissions, so that tests are short. */
const SHORT = {
  channel_reset_ns: 2_000_000,
  ring_restart_ns: 1_000_000,
  retransmit_ns: 1_000_000,
  syn_retransmit_ns: 1_000_000,
};
const ALL: readonly TestName[] = [
  "TCP_RR",
  "TCP_CRR",
  "TCP_CC",
  "TCP_STREAM",
  "TCP_MAERTS",
  "UDP_RR",
  "UDP_STREAM",
];

/** A device of 8 queues under some load of the tests, or next to none, at 3 ms. */
function deviceUnder(tests: readonly TestName[], cpuCount = 8, connections = 6, bytes = 1000) {
  const machine = bareMachine(modules.machineModule, { costs: SHORT, cpuCount });
  for (const test of tests) bareGroup(machine, test, connections, bytes);
  if (tests.length === 0) bareGroup(machine, "UDP_RR", 1);
  machine.calls.machineStart(1e6, 999e6);
  const runUntil = (ms: number) => {
    while (machine.calls.nowNs() < ms * 1e6) {
      machine.calls.machineRun(100);
      assert.equal(machine.calls.checkMachine(), 0, `${machine.calls.nowNs()} ns`);
    }
  };
  runUntil(3);
  return { machine, ethtool: new Ethtool(machine), runUntil };
}

function total({ constants: c, ...machine }: MachineWasm, name: TotalName): number {
  const all = readCounters({ constants: c, ...machine }, c.TOTAL_TABLE, c.TOTAL_COUNT);
  return all[TOTAL_NAMES.indexOf(name)]!;
}

function received(machine: MachineWasm): number[] {
  const { QUEUE_TABLE, QUEUE_COUNTERS, QUEUE_BYTES } = machine.constants;
  return Array.from(
    { length: 8 },
    (_, queue) => readCounters(machine, QUEUE_TABLE + queue * QUEUE_BYTES + QUEUE_COUNTERS, 1)[0]!,
  );
}

Deno.test("after a reset a queue whose CPU is offline stays where its interrupts come", () => {
  const { machine, ethtool, runUntil } = deviceUnder(["UDP_STREAM"], 8, 32, 64);
  const busiest = received(machine).findIndex((packets) => packets > 0);
  assert.equal(machine.calls.hotplugOffline(busiest), OK, "queue i is CPU i's");
  assert.equal(ethtool.setChannels({ combined: 7 }), OK);
  runUntil(7);
  const [before, moved] = [received(machine), total(machine, "moved_vectors")];
  runUntil(20);
  assert.ok(received(machine)[busiest]! > before[busiest]! + 1000, "under load");
  assert.equal(total(machine, "moved_vectors"), moved);
});

/** What an idle device of 8 channels answers to `ethtool -L`, and how many channels it has then. */
const CHANNELS = [
  [{ combined: 1 }, OK, 1],
  [{ combined: 8 }, OK, 8],
  [{ combined: 0 }, -EINVAL, 8],
  [{ combined: 9 }, -EINVAL, 8],
  [{ combined: 4, rx: 1 }, -EINVAL, 8],
  [{ combined: 4, tx: 1 }, -EINVAL, 8],
  [{ combined: 4, other: 0 }, -EINVAL, 8],
  [{ rx: 4, tx: 4 }, -EINVAL, 8],
] as const;

for (const [options, answer, count] of CHANNELS) {
  Deno.test(`ethtool -L ${JSON.stringify(options)} answers ${answer}`, () => {
    const { ethtool, runUntil } = deviceUnder([]);
    assert.equal(ethtool.setChannels(options), answer);
    assert.equal(ethtool.isResetting, count !== 8);
    runUntil(10);
    assert.deepEqual(ethtool.channels(), {
      combined: count,
      combinedMax: 8,
      other: 1,
      otherMax: 1,
    });
  });
}

/**
 * What it answers to `ethtool -G` with rings of 512, and what it has then. The driver says nothing
 * to what the kernel refuses before it: more than the most, that is.
 */
const RINGS = [
  [{ rx: 64, tx: 64 }, OK, 64, 64],
  [{ rx: 4096 }, OK, 4096, 512],
  [{ tx: 4096 }, OK, 512, 4096],
  [{ rx: 65 }, OK, 96, 512],
  [{ rx: 4065 }, OK, 4096, 512],
  [{ rx: 512 }, OK, 512, 512],
  [{ rx: 63 }, -EINVAL, 512, 512],
  [{ rx: 1024, tx: 0 }, -EINVAL, 512, 512],
  [{ rx: 4097 }, -EINVAL, 512, 512],
  [{ rx: 1024, rxMini: 64 }, -EINVAL, 512, 512],
  [{ rx: 1024, rxJumbo: 64 }, -EINVAL, 512, 512],
] as const;

for (const [options, answer, rx, tx] of RINGS) {
  Deno.test(`ethtool -G ${JSON.stringify(options)} answers ${answer}`, () => {
    const { ethtool, runUntil } = deviceUnder([]);
    assert.equal(ethtool.setRings(options), answer);
    runUntil(10);
    assert.deepEqual(ethtool.rings(), { rx, tx, rxMax: 4096, txMax: 4096 });
    const sizes = Object.values(options);
    const isSaid = sizes.every((size) => size <= 4096) && sizes.some((size) => size < 64) &&
      sizes.length === ["rx", "tx"].filter((name) => name in options).length;
    assert.equal(ethtool.log.length, isSaid ? 1 : 0, `${ethtool.log}`);
  });
}

for (const test of ALL) {
  Deno.test(`${test} survives channels and rings that change under it`, () => {
    const { machine, ethtool, runUntil } = deviceUnder([test]);
    for (const combined of [3, 8, 1, 2]) {
      assert.equal(ethtool.setChannels({ combined }), OK);
      runUntil(machine.calls.nowNs() / 1e6 + 8);
      assert.equal(ethtool.channels().combined, combined);
      assert.equal(ethtool.setRings({ rx: 64 * combined, tx: 4096 / combined }), OK);
      const before = received(machine);
      runUntil(machine.calls.nowNs() / 1e6 + 12);
      const rise = received(machine).map((count, queue) => count - before[queue]!);
      assert.ok(rise.reduce((sum, count) => sum + count) > 50, `${combined} channels: ${rise}`);
      assert.ok(rise.every((count, queue) => queue < combined || count === 0), `${rise}`);
    }
  });
}

Deno.test("nothing passes while the device is reset, and what it loses has its cause", () => {
  const { machine, ethtool, runUntil } = deviceUnder(["TCP_STREAM", "UDP_RR"]);
  assert.equal(total(machine, "drop_reset"), 0);
  assert.equal(ethtool.setChannels({ combined: 4 }), OK);
  const begin = machine.calls.nowNs();
  // A poll that is under way goes on with what the ring has.
  runUntil(3.3);
  const before = received(machine);
  while (ethtool.isResetting) {
    assert.deepEqual(received(machine), before);
    machine.calls.machineRun(1);
  }
  assert.equal(machine.calls.nowNs() - begin, SHORT.channel_reset_ns);
  const lost = total(machine, "drop_reset_to_host");
  assert.ok(lost >= 6, `${lost}: of each stream at least what was under way`);
  runUntil(20);
  assert.ok(received(machine).reduce((sum, count) => sum + count) > 5000);
});

/** What a reset might do wrong, and the rule that sees it. */
const FAULTS: readonly (Fault & { readonly rule: number; readonly name: string })[] = [
  {
    rule: 1,
    name: "frames that it frees are not counted",
    file: "core/machine/reset.ts",
    from: "totals().dropResetToHost++;",
    to: "",
  },
  {
    rule: 5,
    name: "packets of the transmit ring are not given back",
    file: "core/machine/reset.ts",
    from: "packetDrop(number);",
    to: "",
  },
  {
    rule: 5,
    name: "what waits in a qdisc is forgotten",
    file: "core/machine/ring.ts",
    from: "schedule(now(), EV_TX_LOST, number);",
    to: "",
  },
];
const faulty = await compileVariant({ faults: FAULTS });

FAULTS.forEach(({ rule, name }, number) => {
  Deno.test(`a reset in which ${name} breaks rule ${rule}`, () => {
    const machine = bareMachine(faulty, { costs: SHORT });
    (machine.calls as unknown as Record<string, (fault: number) => void>)["plantFault"]!(number);
    for (const test of ["TCP_STREAM", "TCP_MAERTS"] as const) bareGroup(machine, test, 6, 1000);
    machine.calls.machineStart(1e6, 999e6);
    const broken = () => {
      for (let part = 0; part < 200; part++) machine.calls.machineRun(100);
      return machine.calls.checkMachine();
    };
    assert.equal(broken(), 0, "before it");
    assert.equal(new Ethtool(machine).setChannels({ combined: 3 }), OK);
    assert.equal(broken(), rule);
  });
});

Deno.test("during a reset everything else answers that the device is busy", () => {
  const { ethtool, runUntil } = deviceUnder([]);
  assert.equal(ethtool.setChannels({ combined: 4 }), OK);
  assert.equal(ethtool.setChannels({ combined: 8 }), -EBUSY);
  assert.equal(ethtool.setRings({ rx: 64 }), -EBUSY);
  assert.equal(ethtool.setCoalesce({ rxUsecsHigh: 20 }), -EBUSY);
  assert.equal(ethtool.setTableEqual(2), -EBUSY);
  assert.equal(ethtool.insertRule({ flowType: "tcp4", action: 0 }), -EBUSY);
  runUntil(6);
  assert.equal(ethtool.insertRule({ flowType: "tcp4", action: 3 }), 7679);
});

Deno.test("channels that a rule or the user's table names cannot go", () => {
  const { ethtool, runUntil } = deviceUnder([]);
  ethtool.insertRule({ flowType: "tcp4", action: 5, location: 9 });
  ethtool.insertRule({ flowType: "udp4", action: -1, location: 10 });
  assert.equal(ethtool.setChannels({ combined: 5 }), -EINVAL);
  assert.match(ethtool.log.at(-1)!, /deleted to reduce .* filter 9 assigns flow to a queue beyond/);
  ethtool.deleteRule(9);
  assert.equal(ethtool.setTableEqual(6), OK);
  assert.equal(ethtool.setChannels({ combined: 5 }), -EINVAL);
  assert.equal(ethtool.setChannels({ combined: 6 }), OK);
  runUntil(6);
  assert.deepEqual(ethtool.rules().map(({ location }) => location), [10], "rules stay");
});

Deno.test("the table is made anew for the channels there are; fewer forget the user's key", () => {
  const { ethtool, runUntil } = deviceUnder([]);
  const drivers = ethtool.key();
  const key = Array.from({ length: 52 }, (_, index) => index);
  const uses = () => [...new Set(ethtool.table())].length;
  assert.equal(ethtool.setChannels({ combined: 5 }), OK);
  runUntil(6);
  assert.deepEqual(ethtool.table().slice(0, 6), [0, 1, 2, 3, 4, 0]);
  assert.equal(ethtool.setKey(key), OK);
  assert.equal(ethtool.setChannels({ combined: 8 }), OK);
  runUntil(9);
  assert.deepEqual(ethtool.key(), key, "more channels keep it");
  assert.equal(uses(), 5, "and the table that came with it");
  assert.equal(ethtool.setChannels({ combined: 2 }), OK);
  runUntil(12);
  assert.deepEqual(ethtool.key(), drivers);
  assert.equal(uses(), 2);
});

Deno.test("-L puts intervals back to the driver's defaults, -G leaves them", () => {
  const { ethtool, runUntil } = deviceUnder([]);
  const fixed = { adaptiveRx: false, rxUsecs: 8, rxUsecsHigh: 20 };
  assert.equal(ethtool.setCoalesce(fixed), OK);
  assert.equal(ethtool.setRings({ rx: 1024 }), OK);
  runUntil(6);
  assert.equal(ethtool.coalesce(2)!.rxUsecs, 8);
  assert.equal(ethtool.setChannels({ combined: 6 }), OK);
  runUntil(9);
  const { adaptiveRx, rxUsecs, rxUsecsHigh } = ethtool.coalesce(2)!;
  assert.deepEqual({ adaptiveRx, rxUsecs, rxUsecsHigh }, {
    ...fixed,
    adaptiveRx: true,
    rxUsecs: 50,
  });
});

Deno.test("a ring too short for a burst drops what a long one takes", () => {
  const dropsWith = (rx: number) => {
    const { machine, ethtool, runUntil } = deviceUnder(["UDP_STREAM"]);
    const fixed = { adaptiveRx: false, adaptiveTx: false, rxUsecs: 250, txUsecs: 250 };
    assert.equal(ethtool.setCoalesce(fixed), OK);
    assert.equal(ethtool.setTableEqual(2), OK);
    assert.equal(ethtool.setRings({ rx }), OK);
    runUntil(5);
    const before = total(machine, "drop_ring");
    runUntil(7);
    return total(machine, "drop_ring") - before;
  };
  const [short, long] = [dropsWith(64), dropsWith(4096)];
  assert.ok(short > 50, `${short}`);
  assert.equal(long, 0);
});

Deno.test("there are no more channels than CPUs", () => {
  const { ethtool, runUntil } = deviceUnder([], 4);
  assert.equal(ethtool.channels().combinedMax, 8, "as many as the device had");
  assert.equal(ethtool.setChannels({ combined: 7 }), OK);
  runUntil(6);
  assert.equal(ethtool.channels().combined, 4);
});

/** The X710 with so many queue pairs, and short resets. */
function narrow(queuePairs: number) {
  return {
    ...X710,
    nic: { ...X710.nic, queue_pairs: queuePairs },
    costs: { ...X710.costs, ...SHORT },
  };
}

Deno.test("the policy manager deals out new channels when it is told of them", () => {
  const result = runToEnd(modules, {
    groups: [groupOf({ test: "TCP_RR", connections: 16 })],
    machine: narrow(4),
    policy: "LATENCY",
    measureMs: 30,
    operations: [{ at_ms: 5, ethtool: "-L eth0 combined 8" }],
  });
  assert.equal(result.queues.length, 8);
  assert.ok(result.queues.every(({ policy }) => policy === "LATENCY"));
  assert.ok(result.queues.every(({ adaptive }) => !adaptive), "with the intervals of the policy");
  assert.ok(result.drops["device_reset"]! >= 1);
  assert.deepEqual(result.remarks, [
    "5.0 ms: ethtool -L eth0 combined 8",
    "the device has 8 channels from 7.0 ms on",
  ]);
});

Deno.test("a reset between two hosts loses frames both ways, and flows go on", () => {
  for (const test of ["TCP_RR", "TCP_STREAM", "TCP_MAERTS", "UDP_RR"] as const) {
    const machine = narrow(8);
    const result = runToEnd(modules, {
      groups: [groupOf({ test, connections: 8 })],
      machine: { ...machine, peer: machine },
      measureMs: 30,
      operations: [
        { at_ms: 2, ethtool: "-L eth0 combined 3" },
        { at_ms: 10, ethtool: "-G eth0 rx 4096 tx 64" },
      ],
    });
    assert.ok(result.drops["device_reset"]! > 0, test);
    const used = result.queues.filter(({ rx_packets }) => rx_packets > 0);
    assert.ok(used.length > 3, "before it more queues were used");
    assert.ok(result.groups[0]!.throughput.value > 1000, test);
  }
});

Deno.test("what the driver refuses in a run is told in a remark, with its reason", () => {
  const run = (ethtool: string) =>
    runToEnd(modules, {
      groups: [groupOf({ test: "TCP_RR" })],
      operations: [{ at_ms: 1.5, ethtool }],
    }).remarks;
  assert.deepEqual(run("ethtool -G eth0 rx 32"), [
    "1.5 ms: ethtool -G eth0 rx 32 was refused: Invalid argument; the driver: Descriptors " +
    "requested out of range [64-4096]",
  ]);
  assert.deepEqual(run("-C eth0 rx-frames 8"), [
    "1.5 ms: ethtool -C eth0 rx-frames 8 was refused: Operation not supported",
  ]);
});

Deno.test("a run with operations is the same each time, whatever the slices", () => {
  const run = {
    groups: [groupOf({ test: "TCP_RR", connections: 8 }), groupOf({ test: "TCP_STREAM" })],
    machine: narrow(8),
    operations: [
      { at_ms: 1, ethtool: "-C eth0 adaptive-rx off rx-usecs 20" },
      { at_ms: 2, ethtool: "-L eth0 combined 3" },
      { at_ms: 6, ethtool: "-X eth0 weight 1 3 4" },
    ],
  };
  const [one, other] = [50_000, 777].map((slice) => runToEnd(modules, run, slice));
  assert.deepEqual(one, other);
  assert.notEqual(one!.fingerprint, runToEnd(modules, { ...run, operations: [] }).fingerprint);
});

Deno.test("a reset does not wait for interrupts that are deferred", () => {
  // Deferred for up to 100 times 200 us, as the kernel is told; the driver cancels that timer.
  const deferred = { napi_defer_hard_irqs: 100, gro_flush_timeout_ns: 200_000 };
  const measured = runToEnd(modules, {
    groups: [groupOf({ test: "TCP_RR", connections: 8 })],
    machine: withCosts(X710, { ...SHORT, ...deferred }),
    operations: [{ at_ms: 1, ethtool: "-L eth0 combined 4" }],
    warmupMs: 1,
    measureMs: 9,
  });
  assert.ok(
    measured.remarks.some((remark) => /^the device has 4 channels from [34]\.\d ms/.test(remark)),
    measured.remarks.join(),
  );
});
