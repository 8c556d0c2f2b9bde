/**
 * Directed cases: calls at the limits of what policy.wasm accepts, each with the answer that the
 * documentation of the call gives. Random operations hardly ever come here.
 *
 * @module
 */

import { arenaLayout } from "../../harness/verify/arena.ts";
import { DAMAGE } from "./damage.ts";
import { Bench, directed, SIZES } from "./direct.ts";
import { BEYOND } from "./directed_beyond.ts";
import { TABLES } from "./directed_tables.ts";
import type { Trial } from "./trial.ts";

const [ENOENT, ESRCH, EBADF, ENOMEM] = [-2, -3, -9, -12];
const [EEXIST, ENODEV, EINVAL, ENOSPC, EOPNOTSUPP] = [-17, -19, -22, -28, -95];
const [NONE, CPU, BULK, LATENCY, MIX] = [0, 1, 2, 3, 5];
const RX = 0;

const sizes = directed("sizes of the tables", (module) => {
  const bench = new Bench(module);
  const at = (place: number, value: number) => SIZES.map((size, i) => i === place ? value : size);
  const most = [1024, 64, 64, 1536, 1 << 24, 1 << 24, 1 << 24, 1 << 24];
  most.forEach((limit, place) => {
    // The last three may be 0.
    if (place < 5) bench.is(EINVAL, "init", ...at(place, 0));
    bench.is(EINVAL, "init", ...at(place, limit + 1));
    bench.is(EINVAL, "init", ...at(place, -1));
    if (place === 4) return;
    if (place < 4) bench.is(0, "init", ...at(place, limit));
  });
  for (const buckets of [3, 5, 6, 12]) bench.is(EINVAL, "init", ...at(7, buckets));
  for (const buckets of [0, 1, 2, 4, 16]) bench.is(0, "init", ...at(7, buckets));
  bench.host([1, 1, 1, 1, 1, 0, 0, 0]);
  bench.is(0, "init", ...at(5, 0));
  return bench.host();
});

/** Where everything lies is said twice: by abi.ts, and by the verifier's own layout. */
const layout = directed("layout of the state", (module) => {
  const bench = new Bench(module);
  for (
    const [cpus, nodes, devices, queues, owners, rules, allowed, buckets] of [
      SIZES,
      [33, 3, 5, 7, 63, 64, 62, 0],
      [32, 1, 1, 40, 64, 63, 65, 0],
      [7, 2, 3, 9, 5000, 4096, 1, 8],
      [1, 1, 1, 1, 1, 0, 0, 0],
    ] as const
  ) {
    const named = { cpus, nodes, devices, queues, owners, rules, allowed, buckets };
    bench.host(Object.values(named));
    const { calls } = bench.wasm;
    const { bytes, maskWords } = arenaLayout(named);
    bench.is(bytes, "arenaBytes");
    bench.is(maskWords, "maskWordCount");
    const base = calls.arenaOffset();
    bench.same(base % 64, 0, "start of the state, modulo 64");
    const behind = (names: readonly string[]) => {
      let end = base + bytes;
      for (const [name, room] of names.map((name) => [name, ROOM[name]!] as const)) {
        const at = (bench.wasm.exports[name] as () => number)();
        bench.same(at >= end && at % 8 === 0, true, `${name} ${at} behind ${end}`);
        end = at + room;
      }
    };
    behind(["flowOffset", "inputOffset", "maskOffset", "textOffset"]);
  }
  return bench;
});
const ROOM: Readonly<Record<string, number>> = {
  flowOffset: 40,
  inputOffset: 128,
  maskOffset: 4,
  textOffset: 512,
};

/** Bytes that a host's tables and buffers take in all, as abi.ts draws them. */
function bytesInAll(given: Parameters<typeof arenaLayout>[0]): number {
  const { cpus, nodes, devices } = given;
  const { mapCapacity, maskWords, bytes } = arenaLayout(given);
  const buffers = [16, 40, 128, 4 * maskWords, 2 * nodes, 8 * nodes, cpus, mapCapacity];
  const drafts = [2 * mapCapacity, 4 * mapCapacity, 2 * mapCapacity, 16, 16];
  const texts = [64 * mapCapacity + 512, 64 * 32, devices + 1, (devices + 1) * 24 * 4];
  return [...buffers, ...drafts, ...texts].reduce((sum, room) => sum + ((room + 7) & ~7), bytes);
}

const exactFit = directed("tables that fill the memory to its last byte", (module) => {
  const bench = new Bench(module);
  const { calls, memory } = bench.wasm;
  for (
    const [cpus, nodes, devices, queues, rules] of [
      [1, 1, 1, 1, 62],
      [65, 3, 3, 70, 4095],
      [1024, 64, 64, 1536, 90_000],
      [333, 31, 17, 9, 1],
    ] as const
  ) {
    bench.is(0, "init", cpus, nodes, devices, queues, 1, rules, 0, 16);
    const room = memory.buffer.byteLength - calls.arenaOffset();
    const fits = (owners: number, allowed: number) =>
      bytesInAll({ cpus, nodes, devices, queues, owners, rules, allowed, buckets: 16 }) <= room;
    const owners = most((owners) => fits(owners, 0));
    const allowed = most((allowed) => fits(owners, allowed));
    bench.is(0, "init", cpus, nodes, devices, queues, owners, rules, allowed, 16);
    bench.is(ENOMEM, "init", cpus, nodes, devices, queues, owners, rules, allowed + 1, 16);
  }
  return bench.host();
});

/** The largest number from 0 to 2^24 of which something holds. */
function most(holds: (number: number) => boolean): number {
  let [from, to] = [0, 1 << 24];
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if (holds(middle)) from = middle;
    else to = middle;
  }
  return from;
}

const memoryTooSmall = directed("tables that do not fit the memory", (module) => {
  const bench = new Bench(module, [{}]).host();
  bench.device("eth0", 1);
  const before = ["arenaOffset", "arenaBytes", "textOffset", "maskWordCount"]
    .map((name) => (bench.wasm.exports[name] as () => number)());
  bench.is(ENOMEM, "init", 1024, 64, 64, 1536, 1 << 24, 1 << 24, 1 << 24, 0);
  const after = ["arenaOffset", "arenaBytes", "textOffset", "maskWordCount"]
    .map((name) => (bench.wasm.exports[name] as () => number)());
  bench.same(after, before, "layout after the refusal");
  bench.is(0, "writeDevicePolicy", 1, bench.text("MIX"));
  bench.is(4, "deviceMapped", 1, RX);
  for (let owner = 1; owner <= 6; owner++) bench.is(owner, "taskCreate", owner);
  bench.is(ENOMEM, "taskCreate", 7);
  return bench;
});

const topology = directed("limits of the topology", (module) => {
  const bench = new Bench(module);
  bench.is(0, "init", ...SIZES);
  for (const [cpu, node, core] of [[4, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -1, 0], [1, 0, 2]]) {
    bench.is(EINVAL, "topologyCpu", cpu!, node!, core!, 1);
  }
  bench.is(EINVAL, "topologyCpu", 1, 0, -1, 1);
  bench.is(0, "topologyCpu", 3, 1, 3, 0);
  bench.is(EINVAL, "topologyCpu", 3, 1, 3, 0);
  bench.is(0, "topologyCpu", 0, 1, 0, 2);
  bench.is(EINVAL, "cpuOnline", 0);
  bench.is(EINVAL, "cpuOnline", 1);
  bench.is(EINVAL, "cpuOnline", 4);
  bench.is(EINVAL, "cpuOffline", -1);
  bench.is(EINVAL, "cpuOffline", 3);
  bench.is(-16, "cpuOffline", 0);
  bench.is(0, "cpuOnline", 3);
  bench.is(0, "cpuOffline", 0);
  bench.is(-16, "cpuOffline", 3);
  for (const [from, to, distance] of [[2, 0, 10], [0, 2, 10], [-1, 0, 10], [0, -1, 10]]) {
    bench.is(EINVAL, "topologyDistance", from!, to!, distance!);
  }
  for (const distance of [9, 256, -1]) bench.is(EINVAL, "topologyDistance", 0, 1, distance);
  for (const distance of [10, 255]) bench.is(0, "topologyDistance", 0, 1, distance);
  return bench;
});

const names = directed("names of devices", (module) => {
  const bench = new Bench(module, [{}, {}]).host();
  const register = (expected: number, netns: number, ifindex: number, node: number, name: string) =>
    bench.is(expected, "deviceRegister", netns, ifindex, node, bench.text(name));
  const refused = ["", ".", "..", "a b", "a/b", "a:b", " a", "a\u007f", "é", "a\u001f", "\n"];
  for (const name of [...refused, "x".repeat(16)]) register(EINVAL, 0, 1, 0, name);
  bench.is(EINVAL, "deviceRegister", 0, 1, 0, -1);
  for (const node of [-2, 2]) register(EINVAL, 0, 1, node, "eth0");
  register(1, 0, 1, -1, "eth0");
  register(EEXIST, 0, 2, 0, "eth0");
  register(EEXIST, 0, 1, 0, "eth1");
  bench.is(ENODEV, "deviceRename", 2, bench.text("lan"));
  for (const name of [...refused, "x".repeat(16)]) {
    bench.is(EINVAL, "deviceRename", 1, bench.text(name));
  }
  // The same name and number in another name space, and a name that begins like another.
  register(2, 1, 1, 1, "eth0");
  register(ENOSPC, 0, 3, 0, "eth2");
  bench.is(0, "deviceUnregister", 1);
  register(1, 1, 2, 1, "eth");
  bench.is(EEXIST, "deviceRename", 1, bench.text("eth0"));
  for (const name of ["...", ".a", "a.", "..a", "x".repeat(15), "~!", "eth", "et", "0;9", "A.Z"]) {
    bench.is(0, "deviceRename", 1, bench.text(name));
  }
  bench.is(0, "deviceRename", 1, bench.text("fourteen_lette"));
  for (const name of ["fourteen_letter", "fourteen_Lette", "fourteen", "fourteen_lettf"]) {
    bench.is(0, "deviceRename", 2, bench.text(name));
  }
  bench.is(EEXIST, "deviceRename", 2, bench.text("fourteen_lette"));
  for (const [device, name] of [[1, "fourteen_lette"], [2, "fourteen_lettf"]] as const) {
    bench.is(0, "deviceUp", device);
    const text = bench.read(bench.wasm.calls.readDevicePolicy(device));
    bench.same(text.split(":")[0], name, `name of device ${device}`);
  }
  bench.is(0, "deviceRename", 2, bench.text("eth0"));
  bench.is(0, "deviceUnregister", 2);
  register(2, 1, 7, 0, "...");
  bench.is(0, "deviceUnregister", 2);
  register(2, 1, 7, 0, ".a");
  bench.is(0, "deviceUnregister", 2);
  bench.is(ENODEV, "deviceUnregister", 2);
  bench.is(0, "deviceRename", 1, bench.text("eth0"));
  return bench;
});

const settings = directed("settings", (module) => {
  const bench = new Bench(module, [{}]).host();
  for (const name of ["setStrategy", "setPartition"]) {
    for (const value of [2, -1]) bench.is(EINVAL, name, value);
    for (const value of [1, 1, 0]) bench.is(0, name, value);
  }
  for (const version of [0, -1]) bench.is(EINVAL, "setVersionMax", version);
  bench.is(0, "setVersionMax", 1);
  bench.device("eth0", 1);
  for (const [text, version] of [["BULK", 1], ["MIX", 1], ["NONE", 1]] as const) {
    bench.is(0, "writeDevicePolicy", 1, bench.text(text));
    bench.is(version, "deviceVersion", 1);
  }
  bench.is(0, "setVersionMax", 2);
  for (const [text, version] of [["BULK", 2], ["MIX", 1], ["NONE", 2]] as const) {
    bench.is(0, "writeDevicePolicy", 1, bench.text(text));
    bench.is(version, "deviceVersion", 1);
  }
  bench.is(3, "counterOf", 1, 23);
  return bench;
});

const strangers = directed("handles that name nothing", (module) => {
  const bench = new Bench(module, [{}]).host();
  bench.device("eth0", 1);
  bench.is(1, "taskCreate", 7);
  bench.is(2, "socketOpen", 8, 1, 1);
  const [task, socket] = [1, 2];
  for (const none of [0, -1, 3, 6, 7, 8, 64, 1000, socket]) {
    bench.is(ESRCH, "setTaskPolicy", none, BULK);
    bench.is(ESRCH, "setTaskPolicyName", none, bench.text("BULK"));
    for (const name of ["readTaskPolicy", "taskExit", "setTaskAllowed"]) {
      bench.is(ESRCH, name, none);
    }
    bench.is(ESRCH, "taskFork", none, 9);
    if (none !== 0) bench.is(ESRCH, "socketOpen", 9, none, 1);
  }
  for (const none of [0, -1, 3, 6, 7, 8, 64, 1000, task]) {
    for (const name of ["getSocketPolicy", "socketClose"]) bench.is(EBADF, name, none);
    bench.is(EBADF, "socketAccept", none, 9);
    bench.is(EBADF, "socketSetDevice", none, 1);
    bench.is(EBADF, "setSocketPolicy", none, BULK);
    if (none === task) continue;
    bench.is(EBADF, "setRulesV4", none, 6, 1, 2, 3);
    bench.is(EBADF, "pickQueue", none, RX);
    bench.is(9, "netdevPickTx", none, -1, 9);
    bench.is(0, "netdevPickTx", none, 0, 9);
  }
  bench.is(EINVAL, "pickQueue", task, RX);
  for (const none of [0, -1, 2, 3, 64]) {
    for (
      const name of ["deviceVersion", "deviceErrno", "deviceUnregister", "deviceUp", "deviceDown"]
    ) {
      bench.is(ENODEV, name, none);
    }
    bench.is(ENODEV, "deviceMapped", none, RX);
    bench.is(ENODEV, "deviceChannels", none);
    bench.is(ENODEV, "deviceRename", none, bench.text("x"));
    bench.is(ENOENT, "writeDevicePolicy", none, bench.text("BULK"));
    bench.is(ENOENT, "readDevicePolicy", none);
    if (none !== 0) bench.is(ENODEV, "socketOpen", 9, 0, none);
    bench.is(ENODEV, "socketSetDevice", socket, none);
  }
  bench.is(-1, "instanceNext", 3);
  bench.is(-1, "instanceNext", 100);
  bench.is(1, "instanceNext", 0 + 1);
  bench.is(0, "recordFind", socket);
  bench.is(0, "recordFind", 12_345);
  bench.is(7, "instanceId", task);
  bench.is(8, "instanceId", socket);
  bench.is(EINVAL, "setTaskPolicy", task, 4);
  bench.is(EINVAL, "setTaskPolicy", task, -1);
  return bench;
});

const followers = directed("what a socket follows", (module) => {
  const bench = new Bench(module, [{}]).host();
  bench.is(1, "taskCreate", 7);
  bench.is(2, "socketOpen", 8, 1, 0);
  bench.is(3, "socketOpen", 9, 0, 0);
  const follows = (own: number, effective: number) => {
    bench.is(own, "ownPolicy", 2);
    for (const name of ["effectivePolicy", "getSocketPolicy"]) bench.is(effective, name, 2);
    for (const name of ["effectivePolicy", "getSocketPolicy"]) bench.is(-1, name, 3);
  };
  follows(-1, -1);
  bench.is(0, "setTaskPolicy", 1, BULK);
  follows(-1, BULK);
  bench.is(0, "setSocketPolicy", 2, LATENCY);
  follows(LATENCY, LATENCY);
  bench.is(EINVAL, "setSocketPolicy", 2, 4);
  follows(-1, BULK);
  bench.is(4, "socketAccept", 2, 10);
  bench.is(BULK, "getSocketPolicy", 4);
  bench.is(0, "taskExit", 1);
  follows(-1, -1);
  bench.is(0, "socketTask", 2);
  return bench;
});

const room = directed("a rule that the device keeps makes room for another", (module) => {
  const bench = new Bench(module, [{ ruleCapacity: 1 }]).host();
  bench.device("eth0", 1);
  bench.is(0, "writeDevicePolicy", 1, bench.text("BULK"));
  for (const socket of [1, 2]) {
    bench.is(socket, "socketOpen", socket, 0, 1);
    bench.is(0, "setSocketPolicy", socket, BULK);
  }
  bench.is(0, "setRulesV4", 1, 6, 1, 2, 3);
  bench.driver.fail({ call: "ruleDelete", skip: 0, times: 1, errno: 5 });
  bench.is(0, "socketClose", 1);
  bench.is(3, "ruleState", 1);
  bench.is(1, "setRulesV4", 2, 6, 4, 5, 6);
  bench.is(2, "ruleNext", 1);
  bench.is(1, "ruleState", 2);
  return bench;
});

const orphans = directed("a rule that the device keeps", (module) => {
  const bench = new Bench(module, [{}]).host();
  bench.device("eth0", 1);
  bench.is(0, "writeDevicePolicy", 1, bench.text("BULK"));
  bench.is(1, "socketOpen", 1, 0, 1);
  bench.is(0, "setSocketPolicy", 1, BULK);
  bench.is(0, "setRulesV4", 1, 6, 1, 2, 3);
  bench.driver.fail({ call: "ruleDelete", skip: 0, times: 10, errno: 5 });
  bench.is(0, "socketClose", 1);
  bench.is(1, "ruleNext", 1);
  bench.is(3, "ruleState", 1);
  bench.is(0, "ruleInstance", 1);
  bench.is(0, "deviceDown", 1);
  bench.is(-1, "ruleNext", 1);
  return bench;
});

const ring = directed("the ring of messages", (module) => {
  const bench = new Bench(module, [{}]).host();
  bench.device("fifteen_letters", 1);
  for (let turn = 1; turn < 70; turn++) {
    bench.is(0, "deviceDown", 1);
    bench.is(0, "deviceUp", 1);
  }
  const text = "NETPOLICY: Init net policy for fifteen_letters";
  bench.is(70, "logCount");
  for (const lost of [0, 5, 70, 71, -1]) bench.is(0, "logText", lost);
  for (const kept of [6, 7, 69]) {
    bench.same(bench.read(bench.is(text.length, "logText", kept)), text, `message ${kept}`);
  }
  for (const [device, counter] of [[3, 0], [-1, 0], [0, 24], [0, -1], [1, 24]]) {
    bench.is(0, "counterOf", device!, counter!);
  }
  bench.is(0, "counterName", 24);
  bench.is(0, "counterName", -1);
  bench.same(bench.read(bench.is(12, "counterName", 23)), "version_wrap", "last counter");
  bench.is(0, "init", ...SIZES);
  bench.is(0, "logCount");
  return bench;
});

const words = directed("words for policies", (module) => {
  const bench = new Bench(module, [{}]).host();
  bench.device("eth0", 1);
  bench.is(1, "taskCreate", 7);
  const write = (expected: number, text: string) =>
    bench.is(expected, "writeDevicePolicy", 1, bench.text(text));
  const all = [["NONE", NONE], ["CPU", CPU], ["BULK", BULK], ["LATENCY", LATENCY], ["MIX", MIX]];
  for (const [word, policy] of all as [string, number][]) {
    for (const text of [word, word.toLowerCase(), word + "\n"]) {
      write(0, text);
      bench.is(policy, "devicePolicy", 1);
      bench.is(policy, "deviceWanted", 1);
    }
    for (let place = 0; place < word.length; place++) {
      // The neighbours of the letter, and what upper() must not take for a letter.
      for (const step of [-1, 1, 32 + 1, 64, -32]) {
        const code = word.charCodeAt(place) + step;
        const other = String.fromCharCode(code);
        if (other.toUpperCase() === word[place] || code < 33 || code > 126) continue;
        write(EOPNOTSUPP, word.slice(0, place) + other + word.slice(place + 1));
      }
    }
    write(EOPNOTSUPP, word.slice(1));
    write(EOPNOTSUPP, word + "\n\n");
    write(EOPNOTSUPP, word + "X");
    if (policy === MIX) continue;
    bench.is(0, "setTaskPolicyName", 1, bench.text(word + "\n"));
    bench.is(policy, "ownPolicy", 1);
    bench.same(bench.read(bench.is(word.length + 1, "readTaskPolicy", 1)), word + "\n", "read");
  }
  bench.is(EINVAL, "setTaskPolicyName", 1, bench.text("MIX"));
  bench.same(bench.read(bench.is(8, "readTaskPolicy", 1)), "INVALID\n", "no policy");
  write(EOPNOTSUPP, "");
  write(EOPNOTSUPP, "x".repeat(64));
  write(EINVAL, "x".repeat(65));
  bench.is(EINVAL, "writeDevicePolicy", 1, -1);
  write(EOPNOTSUPP, "MI\u00d8".slice(0, 2));
  return bench;
});

const flows = directed("flows of rules", (module) => {
  const bench = new Bench(module, [{}]).host();
  bench.device("eth0", 1);
  bench.is(0, "writeDevicePolicy", 1, bench.text("BULK"));
  const held = (rule: number): number[] => {
    const at = (bench.wasm.exports["ruleFlowOffset"] as (rule: number) => number)(rule);
    return [...new Uint32Array(bench.wasm.memory.buffer, at, 10)];
  };
  const program = (socket: number, name: string, values: number[], expected: number[]) => {
    bench.is(socket, "socketOpen", socket, 0, 1);
    bench.is(0, "setSocketPolicy", socket, BULK);
    bench.is(socket - 1, "pickQueue", socket, RX);
    bench.is(socket - 1, name, socket, ...values);
    bench.same(held(socket), expected, `flow of ${name}(${values.join(", ")})`);
    bench.is(socket, "ruleInstance", socket);
    bench.is(1, "ruleState", socket);
    bench.is(socket - 1, "ruleQueue", socket);
    bench.is(1, "ruleDevice", socket);
  };
  program(1, "setRulesV4", [6, 11, 12, 13], [1, 13, 11, 0, 0, 0, 12, 0, 0, 0]);
  program(2, "setRulesV4", [17, 11, 12, 13], [2, 13, 11, 0, 0, 0, 12, 0, 0, 0]);
  program(3, "setRulesV6", [17, 21, 22, 23, 24], [4, 24, 21, 0, 0, 22, 21, 0, 0, 23]);
  for (const protocol of [5, 7, 16, 18, 0, 1]) {
    bench.is(EOPNOTSUPP, "setRulesV4", 1, protocol, 11, 12, 13);
    bench.is(EOPNOTSUPP, "setRulesV6", 3, protocol, 21, 22, 23, 24);
  }
  bench.is(2, "setRulesV6", 3, 6, 21, 22, 23, 24);
  bench.same(held(3), [3, 24, 21, 0, 0, 22, 21, 0, 0, 23], "the flow changed to tcp");
  bench.is(4, "socketOpen", 4, 0, 1);
  bench.is(0, "setSocketPolicy", 4, BULK);
  bench.is(ENOMEM, "setRulesV4", 4, 6, 1, 2, 3);
  return bench;
});

const misuse = directed("asserts stop what no caller may do", (module) => {
  const bench = new Bench(module, [{}]).host();
  bench.device("eth0", 1);
  bench.is(0, "writeDevicePolicy", 1, bench.text("BULK"));
  bench.is(4, "listLength", 1, RX, BULK);
  for (
    const [name, ...values] of [
      ["listQueue", 1, RX, BULK, 4],
      ["instanceId", 5],
      ["instanceId", 7],
      ["instanceId", 1000],
      ["instanceId", 0],
    ] as const
  ) {
    let stopped = false;
    try {
      (bench.wasm.exports[name] as (...values: number[]) => number)(...values);
    } catch {
      stopped = true;
    }
    bench.same(stopped, true, `${name}(${values.join(", ")}) stops`);
  }
  return bench;
});

/** The cases. */
export const DIRECTED: readonly Trial[] = [
  sizes,
  layout,
  memoryTooSmall,
  topology,
  names,
  settings,
  strangers,
  followers,
  room,
  orphans,
  ring,
  words,
  flows,
  misuse,
  ...TABLES,
  ...BEYOND,
  exactFit,
  ...DAMAGE,
];
