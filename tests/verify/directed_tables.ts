/**
 * Directed cases about tables: sets of slots of every size, records by their owner, CPU masks.
 *
 * @module
 */

import { Bench, directed } from "./direct.ts";
import type { Trial } from "./trial.ts";

const [ESRCH, EBADF, ENOMEM, EINVAL] = [-3, -9, -12, -22];
const BULK = 2;
const [RX, TX] = [0, 1];

const allowed = directed("masks of allowed CPUs", (module) => {
  const bench = new Bench(module, [{ rx: 40, tx: 40 }]).host([40, 1, 1, 40, 5, 1, 2, 0]);
  bench.is(1, "taskCreate", 1);
  bench.is(2, "taskCreate", 2);
  bench.is(3, "taskCreate", 3);
  for (const [low, high] of [[0, 0], [0, 1 << 8], [-1, -1]] as const) {
    bench.mask(low, high);
    bench.is(EINVAL, "setTaskAllowed", 1);
  }
  for (const [low, high] of [[-1, 0xff], [-1, 0x7f], [0, 1 << 7], [1, 0]] as const) {
    bench.mask(low, high);
    bench.is(0, "setTaskAllowed", 1);
  }
  bench.mask(0, 1 << 7);
  bench.is(0, "setTaskAllowed", 2);
  bench.is(ENOMEM, "setTaskAllowed", 3);
  bench.is(ENOMEM, "taskFork", 1, 9);
  bench.is(2, "counterOf", 0, 5);
  bench.is(0, "setStrategy", 1);
  bench.device("eth0", 1);
  bench.is(0, "writeDevicePolicy", 1, bench.text("BULK"));
  bench.is(4, "socketOpen", 4, 2, 1);
  bench.is(5, "socketOpen", 5, 1, 1);
  for (const socket of [4, 5]) bench.is(0, "setSocketPolicy", socket, BULK);
  bench.is(39, "pickQueue", 4, TX);
  bench.is(0, "pickQueue", 5, TX);
  return bench;
});

/** 64 slots with slot 0, which is none: no bit of the set's word is left over. */
const fullWord = directed("a set of slots without spare bits", (module) => {
  const bench = new Bench(module, [{}]).host([1, 1, 1, 4, 63, 1, 1, 0]);
  bench.device("eth0", 1);
  bench.is(-1, "instanceNext", 1);
  bench.is(-1, "recordNext", 1);
  for (let task = 1; task <= 63; task++) bench.is(task, "taskCreate", task);
  bench.is(ENOMEM, "taskCreate", 64);
  bench.is(0, "setTaskPolicy", 63, BULK);
  bench.is(0, "setTaskPolicy", 62, BULK);
  bench.is(1, "recordFind", 63);
  bench.is(2, "recordFind", 62);
  bench.is(0, "recordFind", 61);
  bench.is(63, "recordOwner", 1);
  bench.is(2, "recordNext", 2);
  bench.is(-1, "recordNext", 3);
  for (let task = 1; task <= 63; task++) bench.is(0, "taskExit", task);
  bench.is(-1, "instanceNext", 1);
  bench.is(1, "taskCreate", 1);
  return bench;
});

const buckets = directed("records by their owner", (module) => {
  const bench = new Bench(module);
  for (const count of [1, 2, 8, 0]) {
    bench.host([1, 1, 1, 1, 24, 1, 1, count]);
    for (let task = 1; task <= 24; task++) bench.is(task, "taskCreate", 100 + task);
    // Not in the order of the owners: chains stand in it all the same.
    const order = Array.from({ length: 24 }, (_, place) => 1 + (place * 7) % 24);
    for (const task of order) bench.is(0, "setTaskPolicy", task, 1 + task % 3);
    order.forEach((task, place) => {
      bench.is(place + 1, "recordFind", task);
      bench.is(task, "recordOwner", place + 1);
      bench.is(1 + task % 3, "recordPolicy", place + 1);
      bench.is(0, "recordDevice", place + 1);
      bench.is(-1, "recordObject", place + 1, RX);
      bench.is(-1, "recordObject", place + 1, TX);
    });
    for (const task of order) {
      bench.is(0, "taskExit", task);
      bench.is(0, "recordFind", task);
      bench.is(0, "check");
    }
  }
  return bench;
});

/** More than 64 * 64 slots: a set of slots has three levels then. */
const manySlots = directed("more slots than two levels hold", (module) => {
  const owners = 64 * 64 + 70;
  const bench = new Bench(module).host([1, 1, 1, 1, owners, 1, 1, 0]);
  for (let task = 1; task <= owners; task++) {
    if (bench.wasm.calls.taskCreate(task) !== task) {
      return bench.is(task, "taskCreate", task), bench;
    }
  }
  bench.is(ENOMEM, "taskCreate", 0);
  for (const task of [4100, 70, 4095, 64, 63, 128]) bench.is(0, "taskExit", task);
  bench.is(65, "instanceNext", 64);
  bench.is(4096, "instanceNext", 4095);
  for (const task of [63, 64, 70, 128, 4095, 4100]) bench.is(task, "taskCreate", task);
  bench.is(ENOMEM, "taskCreate", 0);
  for (let task = 1; task < owners; task++) bench.wasm.calls.taskExit(task);
  bench.is(owners, "instanceNext", 1);
  bench.is(-1, "instanceNext", owners + 1);
  bench.is(0, "taskExit", owners);
  bench.is(-1, "instanceNext", 1);
  return bench;
});

/** Tasks, sockets and nothing in turn, each beside each, over three words of the set. */
const everyHandle = directed("every call with every handle", (module) => {
  const owners = 130;
  const wasTask = (handle: number) => handle % 6 === 1 || handle % 6 === 3;
  // No pattern that comes again after 64: each word of the set differs.
  const stays = (handle: number) =>
    handle > 0 && handle <= owners && handle % 5 !== 0 && (handle % 2 === 1 || handle % 6 === 2);
  const bench = new Bench(module, [{}]).host([2, 1, 2, 2, owners, 70, 70, 0]);
  bench.device("eth0", 1);
  bench.mask(1);
  for (let handle = 1; handle <= owners; handle++) {
    if (wasTask(handle)) bench.is(handle, "taskCreate", 1000 + handle);
    else bench.is(handle, "socketOpen", 1000 + handle, 0, 1);
  }
  for (let handle = 1; handle <= owners; handle++) {
    if (!stays(handle)) bench.is(0, wasTask(handle) ? "taskExit" : "socketClose", handle);
  }
  const free = 4;
  for (let handle = -1; handle <= 3 * 64; handle++) {
    const isLive = stays(handle);
    const isTask = isLive && wasTask(handle);
    const isSocket = isLive && !isTask;
    if (isLive) {
      bench.is(1000 + handle, "instanceId", handle);
      bench.is(handle, "instanceNext", handle);
      bench.is(isTask ? 1 : 0, "instanceIsTask", handle);
      bench.is(isTask ? 0 : 1, "instanceDevice", handle);
    }
    bench.is(isTask ? free : ESRCH, "taskFork", handle, 7);
    if (isTask) bench.is(0, "taskExit", free);
    bench.is(isSocket ? free : EBADF, "socketAccept", handle, 7);
    if (isSocket) bench.is(0, "socketClose", free);
    if (handle !== 0) bench.is(isTask ? free : ESRCH, "socketOpen", 7, handle, 1);
    if (isTask) bench.is(handle, "socketTask", free);
    if (isTask) bench.is(0, "socketClose", free);
    bench.is(isTask ? 8 : ESRCH, "readTaskPolicy", handle);
    bench.is(isSocket ? -1 : EBADF, "getSocketPolicy", handle);
    bench.is(isSocket ? 0 : EBADF, "socketSetDevice", handle, 1);
    bench.is(isTask || isSocket ? EINVAL : EBADF, "pickQueue", handle, RX);
    bench.is(isTask ? 0 : ESRCH, "setTaskPolicy", handle, BULK);
    bench.is(isTask ? 5 : ESRCH, "readTaskPolicy", handle);
    bench.is(isSocket ? 0 : EBADF, "setSocketPolicy", handle, BULK);
    if (isLive) bench.is(BULK, "ownPolicy", handle);
    bench.is(isTask ? EINVAL : ESRCH, "setTaskPolicyName", handle, bench.text("MIX"));
    bench.is(isTask ? 0 : ESRCH, "setTaskAllowed", handle);
  }
  bench.is(0, "check");
  for (let handle = owners; handle >= 0; handle--) {
    bench.is(stays(handle) && wasTask(handle) ? 0 : ESRCH, "taskExit", handle);
    bench.is(stays(handle) && !wasTask(handle) ? 0 : EBADF, "socketClose", handle);
  }
  bench.is(-1, "instanceNext", 1);
  bench.is(-1, "recordNext", 1);
  return bench;
});

/** Owners so many that their hash fills all bits of the bucket's number. */
const largeOwners = directed("records of owners with large numbers", (module) => {
  const owners = 40_000;
  const bench = new Bench(module).host([1, 1, 1, 1, owners, 1, 1, 1 << 15]);
  const { calls } = bench.wasm;
  for (let task = 1; task <= owners; task++) calls.taskCreate(task);
  const some = Array.from({ length: 60 }, (_, place) => owners - 641 * place);
  for (const task of some) bench.is(0, "setTaskPolicy", task, BULK);
  some.forEach((task, place) => bench.is(place + 1, "recordFind", task));
  bench.is(0, "check");
  for (const task of some) bench.is(0, "setTaskPolicy", task, 3);
  for (const task of some) bench.is(EINVAL, "setTaskPolicy", task, -1);
  bench.is(-1, "recordNext", 1);
  return bench;
});

/** What was cached for one device is nothing to another, not even to one without any version. */
const otherDevice = directed("a socket that goes to another device", (module) => {
  const two = { rx: 2, tx: 2 };
  const bench = new Bench(module, [two, two]).host([2, 1, 2, 2, 6, 4, 1, 0]);
  bench.device("eth0", 1);
  bench.device("eth1", 2);
  bench.is(0, "deviceVersion", 2);
  bench.is(0, "writeDevicePolicy", 1, bench.text("BULK"));
  for (const socket of [1, 2]) {
    bench.is(socket, "socketOpen", socket, 0, 1);
    bench.is(0, "setSocketPolicy", socket, BULK);
    bench.is(socket - 1, "setRulesV4", socket, 6, socket, 1, 80);
    bench.is(socket - 1, "pickQueue", socket, TX);
    bench.is(0, "socketSetDevice", socket, 2);
    for (const direction of [RX, TX]) bench.is(EINVAL, "pickQueue", socket, direction);
    bench.is(-1, "ruleNext", 1);
    bench.is(0, "deviceRecords", 1);
  }
  bench.is(0, "writeDevicePolicy", 2, bench.text("BULK"));
  for (const socket of [2, 1]) bench.is(2 - socket, "pickQueue", socket, RX);
  bench.is(2, "deviceRecords", 2);
  return bench;
});

/** Who found nothing on his CPUs is told so again until other CPUs are his, or no task is. */
const forgotten = directed("a socket whose task's CPUs have no queue", (module) => {
  const info = { available: 14, mix: true, queuePair: false, irqAffinity: true, recordLimit: 0 };
  const [ENOENT, task] = [-2, 1];
  const ends: readonly ((bench: Bench) => void)[] = [
    (bench) => {
      bench.mask(1);
      bench.is(0, "setTaskAllowed", task);
    },
    (bench) => {
      bench.mask(15);
      bench.is(0, "setTaskAllowed", task);
    },
    (bench) => bench.is(0, "taskExit", task),
    (bench) => bench.is(0, "setStrategy", 0),
    (bench) => {
      bench.is(0, "setStrategy", 0);
      bench.is(0, "setStrategy", 1);
      bench.is(ENOENT, "pickQueue", 2, RX);
      bench.mask(2);
      bench.is(0, "setTaskAllowed", task);
    },
  ];
  let bench = new Bench(module);
  for (const end of ends) {
    bench = new Bench(module, [{ rx: 2, tx: 2, info }]).host([4, 1, 1, 4, 6, 1, 2, 0]);
    bench.device("eth0", 1);
    bench.is(0, "setStrategy", 1);
    bench.is(0, "writeDevicePolicy", 1, bench.text("BULK"));
    bench.is(task, "taskCreate", 1);
    bench.mask(8);
    bench.is(0, "setTaskAllowed", task);
    for (const socket of [2, 3, 4]) {
      bench.is(socket, "socketOpen", socket, task, 1);
      bench.is(0, "setSocketPolicy", socket, BULK);
    }
    // One has asked for both directions, one for each.
    for (const [socket, direction] of [[2, RX], [2, TX], [3, RX], [4, TX]] as const) {
      bench.is(ENOENT, "pickQueue", socket, direction);
      bench.is(ENOENT, "pickQueue", socket, direction);
    }
    bench.is(4, "counterOf", 1, 9);
    end(bench);
    for (const [socket, direction] of [[2, RX], [2, TX], [3, RX], [4, TX]] as const) {
      const queue = bench.wasm.calls.pickQueue(socket, direction);
      bench.same(queue === 0 || queue === 1, true, `queue ${queue} of socket ${socket}`);
    }
    if (bench.wrong !== null) return bench;
    bench.end();
  }
  return bench;
});

/** Loads beyond the scale count as its ends, and five points more than the least are as good. */
const loads = directed("loads of CPUs", (module) => {
  const [EIO, most] = [-5, 100];
  for (
    const [given, chosen] of [
      [[EIO, 6, 5, 0], [0, 2, 3, 0]],
      [[EIO, 6, 6, 6], [0, 0, 0, 0]],
      [[most, most + 1, 1000, 94], [3, 3, 3, 3]],
      [[most, most + 1, 1000, 95], [0, 1, 2, 3]],
      [[most + 1, 94, 1000, 94], [1, 3, 1, 3]],
      [[99, 1000, 104, 106], [0, 1, 2, 3]],
      [[7, 1, 6, 2], [1, 2, 3, 1]],
    ] as const
  ) {
    const bench = new Bench(module, [{ rx: 4, tx: 4 }]).host([4, 1, 1, 4, 6, 1, 1, 0]);
    given.forEach((load, cpu) => bench.driver.loads[cpu] = load);
    bench.device("eth0", 1);
    bench.is(0, "setStrategy", 1);
    bench.is(0, "writeDevicePolicy", 1, bench.text("BULK"));
    chosen.forEach((queue, place) => {
      bench.is(place + 1, "socketOpen", place + 1, 0, 1);
      bench.is(0, "setSocketPolicy", place + 1, BULK);
      bench.is(queue, "pickQueue", place + 1, TX);
    });
    if (bench.wrong !== null) return bench;
  }
  return new Bench(module).host();
});

/** The cases. */
export const TABLES: readonly Trial[] = [
  allowed,
  loads,
  forgotten,
  largeOwners,
  otherDevice,
  fullWord,
  buckets,
  everyHandle,
  manySlots,
];
