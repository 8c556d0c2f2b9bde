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

/** Of three handles one is a task, one a socket and one nothing, over three words of the set. */
const everyHandle = directed("every call with every handle", (module) => {
  const owners = 130;
  const bench = new Bench(module, [{}]).host([2, 1, 2, 2, owners, 70, 70, 0]);
  bench.device("eth0", 1);
  bench.mask(1);
  for (let handle = 1; handle <= owners; handle++) {
    if (handle % 3 === 1) bench.is(handle, "taskCreate", 1000 + handle);
    else bench.is(handle, "socketOpen", 1000 + handle, 0, 1);
  }
  for (let handle = 3; handle <= owners; handle += 3) bench.is(0, "socketClose", handle);
  const free = 3;
  for (let handle = -1; handle <= 3 * 64; handle++) {
    const isLive = handle > 0 && handle <= owners && handle % 3 !== 0;
    const isTask = isLive && handle % 3 === 1;
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
    const kind = handle === 0 ? 0 : handle % 3;
    bench.is(kind === 1 ? 0 : ESRCH, "taskExit", handle);
    bench.is(kind === 2 ? 0 : EBADF, "socketClose", handle);
  }
  bench.is(-1, "instanceNext", 1);
  bench.is(-1, "recordNext", 1);
  return bench;
});

/** The cases. */
export const TABLES: readonly Trial[] = [allowed, fullWord, buckets, everyHandle, manySlots];
