/**
 * Random scripts: a host with devices, and a sequence of operations on the manager.
 *
 * A script is made of plain numbers; what they mean is decided while it runs, among the tasks,
 * sockets and devices that exist then. So every script can be run, and a shorter one still can.
 *
 * @module
 */

import type { ManagerFace } from "../../harness/policy/face.ts";
import type { FlowSpec, FlowType, NetpolicyInfo } from "../../harness/policy/driver.ts";
import type { Capacities, Topology } from "../../harness/policy/manager.ts";
import type { DriverCall, Fault, RecordingDriver, SimulatedDevice } from "../recording_driver.ts";
import { answer } from "./view.ts";

/** A device of a script; queue counts are of both directions where it has queue pairs. */
export interface ScriptDevice {
  /** Node, -1 for unknown; taken modulo the nodes. */
  readonly node: number;
  readonly info: NetpolicyInfo;
  readonly rx: number;
  readonly tx: number;
  readonly ruleCapacity: number;
  readonly ipv6: boolean;
  readonly upAtStart: boolean;
  /** Policy written at the start, if the device is up then. */
  readonly policyAtStart: typeof POLICIES[number];
}

/** The scene of a script. */
export interface Scene {
  readonly cpus: number;
  readonly nodes: number;
  /** 0 no SMT, 1 siblings (2i, 2i+1), 2 siblings (i, i + half). */
  readonly smt: number;
  /** Node of each core. */
  readonly nodeOfCore: readonly number[];
  readonly distance: readonly (readonly number[])[];
  readonly capacities: Omit<Capacities, "cpus" | "nodes" | "devices">;
  readonly devices: readonly ScriptDevice[];
  readonly strategy: "round-robin" | "load-aware";
  readonly partition: "rfc" | "latency-first";
  /** Highest version, 0 for the default. */
  readonly versionMax: number;
  /** Sockets opened at the start, in turn on the devices; every third follows a new task. */
  readonly socketsAtStart: number;
  /** Factors on how often each kind of operation comes, by {@link KINDS}. */
  readonly factors: readonly number[];
}

/** An operation as drawn: its kind by weight, and what its arguments are made of. */
export type Draw = readonly [kind: number, a: number, b: number, c: number];

/** Upper bound (exclusive) of the numbers of a draw. */
export const DRAW_LIMIT = 1 << 16;

/** The two managers have these beside the common face. */
export type Subject = ManagerFace & { setVersionMax(version: number): void };

/** Capacities of a scene's manager. */
export function capacitiesOf(scene: Scene): Capacities {
  const { cpus, nodes, devices } = scene;
  return { ...scene.capacities, cpus, nodes, devices: devices.length };
}

/** Topology of a scene. */
export function topologyOf(scene: Scene): Topology {
  const cpus = Array.from({ length: scene.cpus }, (_, cpu) => cpu);
  const half = Math.ceil(scene.cpus / 2);
  const coreOf = (cpu: number) => [cpu, cpu >> 1, cpu % half][scene.smt] ?? cpu;
  const nodeOf = (cpu: number) => (scene.nodeOfCore[coreOf(cpu)] ?? 0) % scene.nodes;
  const cores = [...new Set(cpus.map(coreOf))];
  return {
    nodes: Array.from({ length: scene.nodes }, (_, id) => ({
      id,
      cpus: cpus.filter((cpu) => nodeOf(cpu) === id),
    })),
    distance: scene.distance.slice(0, scene.nodes).map((row) => row.slice(0, scene.nodes)),
    siblings: cores.map((core) => cpus.filter((cpu) => coreOf(cpu) === core)),
    online: cpus,
  };
}

/** The driver's devices of a scene, by handle. */
export function driverDevices(scene: Scene): Map<number, SimulatedDevice> {
  return new Map(scene.devices.map(({ info, rx, tx, ruleCapacity, ipv6 }, place) => [place + 1, {
    info,
    rx,
    tx: info.queuePair ? rx : tx,
    irqBase: 10_000 * (place + 1),
    ruleCapacity,
    ipv6,
  }]));
}

/** Kinds of operation with at least this weight come in every script: little works without them. */
const NEVER_LEFT_OUT = 5;

/** Runs scripts on one manager and knows the handles that are alive there. */
export class ScriptRunner {
  readonly #tasks: number[] = [];
  readonly #sockets: number[] = [];
  readonly #kinds: readonly Kind[];
  #born = 0;

  constructor(
    readonly scene: Scene,
    readonly manager: Subject,
    readonly driver: RecordingDriver,
  ) {
    this.#kinds = KINDS.flatMap((kind, place) => {
      const [weight] = OPERATIONS[kind];
      const factor = Math.max(scene.factors[place] ?? 1, weight >= NEVER_LEFT_OUT ? 1 : 0);
      return Array.from({ length: weight * factor }, () => kind);
    });
  }

  /** Declares host and devices. */
  begin(): void {
    const { manager, scene } = this;
    if (scene.versionMax > 0) manager.setVersionMax(scene.versionMax);
    manager.setTopology(topologyOf(scene));
    manager.setStrategy(scene.strategy);
    manager.setPartition(scene.partition);
    scene.devices.forEach(({ node, upAtStart, policyAtStart }, place) => {
      const ifindex = place + 1;
      const local = node < 0 ? -1 : node % scene.nodes;
      const device = manager.deviceRegister({
        name: `eth${place}`,
        netns: 0,
        ifindex,
        node: local,
      });
      if (!upAtStart) return;
      manager.deviceUp(device);
      answer(() => manager.writeDevicePolicy(device, policyAtStart));
    });
    for (let socket = 0; socket < scene.socketsAtStart; socket++) {
      const device = 1 + socket % scene.devices.length;
      const task = socket % 3 === 0 ? this.#taskAtStart() : 0;
      const given = { id: this.fresh(), task, device };
      answer(() => {
        const handle = this.birth("socket", manager.socketOpen(given));
        if (task === 0) manager.setSocketPolicy(handle, SOCKET_VALUES[socket] ?? 2);
      });
    }
  }

  /** A new task with the policy BULK; 0 where there is no room. */
  #taskAtStart(): number {
    let task = 0;
    answer(() => {
      task = this.birth("task", this.manager.taskCreate(this.fresh()));
      this.manager.setTaskPolicy(task, "BULK");
    });
    return task;
  }

  /** Which kind of operation a draw stands for. */
  kindOf(draw: Draw): Kind {
    return this.#kinds[draw[0] % this.#kinds.length] ?? "heal";
  }

  /** Does one operation; the line says what was called and what it answered. */
  step(draw: Draw): string {
    const [text, call] = OPERATIONS[this.kindOf(draw)][1](this, draw[1], draw[2], draw[3]);
    return `${text} = ${answer(call)}`;
  }

  /** A device's handle, now and then one that is none. */
  device(a: number): number {
    return a % 32 === 31 ? (a >> 5) % 6 : 1 + a % this.scene.devices.length;
  }

  /** A live task's handle, 0 where there is none; now and then anything. */
  task(a: number): number {
    return this.#alive(this.#tasks, a);
  }

  /** A live socket's handle. */
  socket(a: number): number {
    return this.#alive(this.#sockets, a);
  }

  #alive(handles: readonly number[], a: number): number {
    if (a % 32 === 31) return (a >> 5) % (this.scene.capacities.owners + 2);
    return handles[a % Math.max(1, handles.length)] ?? 0;
  }

  /** Notes a new task or socket. */
  birth(kind: "task" | "socket", handle: number): number {
    (kind === "task" ? this.#tasks : this.#sockets).push(handle);
    return handle;
  }

  /** Notes that a handle is gone. */
  death(handle: number): void {
    for (const handles of [this.#tasks, this.#sockets]) {
      if (handles.includes(handle)) handles.splice(handles.indexOf(handle), 1);
    }
  }

  /** A number that was not used before. */
  fresh(): number {
    return ++this.#born;
  }
}

const POLICIES = ["NONE", "CPU", "BULK", "LATENCY", "MIX"] as const;

/** Texts that are not simply a policy's name. */
const ODD_TEXTS = [
  "mix\n",
  "bUlK",
  "Latency\n",
  "",
  "\n",
  "BULKx",
  "BULK\n\n",
  " BULK",
  "MI",
  "INVALID",
  "-1",
  "BULK\0",
  "ＭＩＸ",
  "BULK" + "x".repeat(60),
  "BULK" + "x".repeat(61),
  "x".repeat(200),
];

/** MIX, BULK and LATENCY more often than the rest, so that policies fit now and then. */
function policyText(a: number, usual: readonly string[]): string {
  const odd = a % 16 === 15 ? ODD_TEXTS[(a >> 4) % ODD_TEXTS.length] : undefined;
  return odd ?? usual[a % usual.length] ?? "NONE";
}

const DEVICE_TEXTS = ["MIX", "BULK", "MIX", "LATENCY", "MIX", "CPU", "NONE"];
const TASK_TEXTS = ["BULK", "LATENCY", "BULK", "CPU", "LATENCY", "NONE", "MIX"];
const SOCKET_VALUES = [2, 3, 2, 3, 2, 3, 2, 1, 0, 3, 2, 4, 5, 6, 7, -1, -2];

const FLOW_TYPES: readonly FlowType[] = ["tcp4", "udp4", "tcp6", "udp6"];

/** One of twelve flows. */
function flowOf(a: number): FlowSpec {
  const type = FLOW_TYPES[a % 4] ?? "tcp4";
  const words = type.endsWith("4") ? [0x0a000001] : [0x20010db8, 0, 0, 1];
  const sourcePort = 1000 + (a >> 2) % 3;
  return { type, source: words, destination: words, sourcePort, destinationPort: 80 };
}

const FAULT_CALLS: readonly DriverCall[] = [
  "netpolicyInit",
  "irqCount",
  "irq",
  "setNetPolicy",
  "setNetPolicy",
  "ruleInsert",
  "ruleDelete",
  "ruleDelete",
  "irqAffinityGet",
  "irqAffinitySet",
];

const FAULT_ERRNOS = [5, 28, 12, 2, 22, 95] as const;

type Operation = (run: ScriptRunner, a: number, b: number, c: number) => [string, () => unknown];

/** Usual frequency of an operation, and what it calls; the text names call and arguments. */
const OPERATIONS = {
  writePolicy: [12, (run, a, b) => {
    const [device, text] = [run.device(a), policyText(b, DEVICE_TEXTS)];
    return [
      `writeDevicePolicy(${device}, ${JSON.stringify(text)})`,
      () => run.manager.writeDevicePolicy(device, text),
    ];
  }],
  up: [9, (run, a) => {
    const device = run.device(a);
    return [`deviceUp(${device})`, () => run.manager.deviceUp(device)];
  }],
  down: [1, (run, a) => {
    const device = run.device(a);
    return [`deviceDown(${device})`, () => run.manager.deviceDown(device)];
  }],
  rename: [1, (run, a, b) => {
    const [device, name] = [run.device(a), ["eth0", "eth1", "lan", "", "a/b"][b % 5] ?? ""];
    return [`deviceRename(${device}, "${name}")`, () => run.manager.deviceRename(device, name)];
  }],
  unregister: [1, (run, a) => {
    const device = run.device(a);
    return [`deviceUnregister(${device})`, () => run.manager.deviceUnregister(device)];
  }],
  register: [6, (run, a, b) => {
    const node = b % (run.scene.nodes + 1) - 1;
    const given = { name: `eth${a % 4}`, netns: a >> 2 & 1, ifindex: 1 + (a >> 3) % 4, node };
    return [
      `deviceRegister(${JSON.stringify(given)})`,
      () => run.manager.deviceRegister(given),
    ];
  }],
  channels: [3, (run, a, b, c) => {
    const device = run.device(a);
    const known = run.driver.devices.get(device);
    const rx = b % 11;
    // Queue pairs with unequal counts come now and then.
    const tx = known?.info.queuePair === true && c % 16 > 0 ? rx : c % 11;
    return [`deviceChannels(${device}) at ${rx} rx, ${tx} tx`, () => {
      if (known !== undefined) [known.rx, known.tx] = [rx, tx];
      run.manager.deviceChannels(device);
    }];
  }],
  cpuOnline: [4, (run, a) => {
    const cpu = a % (run.scene.cpus + 1);
    return [`cpuOnline(${cpu})`, () => run.manager.cpuOnline(cpu)];
  }],
  cpuOffline: [3, (run, a) => {
    const cpu = a % (run.scene.cpus + 1);
    return [`cpuOffline(${cpu})`, () => run.manager.cpuOffline(cpu)];
  }],
  taskCreate: [1, (run) => {
    const pid = run.fresh();
    return [`taskCreate(${pid})`, () => run.birth("task", run.manager.taskCreate(pid))];
  }],
  taskPolicy: [5, (run, a, b) => {
    const [task, text] = [run.task(a), policyText(b, TASK_TEXTS)];
    return [
      `setTaskPolicy(${task}, ${JSON.stringify(text)})`,
      () => run.manager.setTaskPolicy(task, text),
    ];
  }],
  fork: [1, (run, a) => {
    const [parent, pid] = [run.task(a), run.fresh()];
    return [
      `taskFork(${parent}, ${pid})`,
      () => run.birth("task", run.manager.taskFork(parent, pid)),
    ];
  }],
  exit: [1, (run, a) => {
    const task = run.task(a);
    return [`taskExit(${task})`, () => {
      run.manager.taskExit(task);
      run.death(task);
    }];
  }],
  allowed: [2, (run, a, b) => {
    const task = run.task(a);
    const cpus = Array.from({ length: run.scene.cpus }, (_, cpu) => cpu)
      .filter((cpu) => b % 8 === 0 || (b >> 3 >> cpu & 1) === 1);
    return [
      `setTaskAllowed(${task}, [${cpus.join(", ")}])`,
      () => run.manager.setTaskAllowed(task, cpus),
    ];
  }],
  open: [10, (run, a, b, c) => {
    const socket = {
      id: run.fresh(),
      task: c % 2 === 0 ? 0 : run.task(a),
      device: c % 13 === 0 ? 0 : run.device(b),
    };
    return [
      `socketOpen(${JSON.stringify(socket)})`,
      () => run.birth("socket", run.manager.socketOpen(socket)),
    ];
  }],
  socketPolicy: [14, (run, a, b) => {
    const [socket, value] = [run.socket(a), SOCKET_VALUES[b % SOCKET_VALUES.length] ?? 2];
    return [
      `setSocketPolicy(${socket}, ${value})`,
      () => run.manager.setSocketPolicy(socket, value),
    ];
  }],
  accept: [3, (run, a) => {
    const [listener, id] = [run.socket(a), run.fresh()];
    return [
      `socketAccept(${listener}, ${id})`,
      () => run.birth("socket", run.manager.socketAccept(listener, id)),
    ];
  }],
  close: [3, (run, a) => {
    const socket = run.socket(a);
    return [`socketClose(${socket})`, () => {
      run.manager.socketClose(socket);
      run.death(socket);
    }];
  }],
  setDevice: [8, (run, a, b) => {
    const [socket, device] = [run.socket(a), run.device(b)];
    return [
      `socketSetDevice(${socket}, ${device})`,
      () => run.manager.socketSetDevice(socket, device),
    ];
  }],
  pickRx: [12, (run, a, b) => {
    const owner = b % 16 === 0 ? run.task(a) : run.socket(a);
    return [
      `pickQueue(${owner}, "rx")`,
      () => JSON.stringify(run.manager.pickQueue(owner, "rx")),
    ];
  }],
  pickTx: [8, (run, a) => {
    const owner = run.socket(a);
    return [
      `pickQueue(${owner}, "tx")`,
      () => JSON.stringify(run.manager.pickQueue(owner, "tx")),
    ];
  }],
  netdevPickTx: [2, (run, a, b) => {
    const [owner, queues] = [run.socket(a), { xps: b % 4 - 1, hash: b % 3 + 10 }];
    return [
      `netdevPickTx(${owner}, ${JSON.stringify(queues)})`,
      () => run.manager.netdevPickTx(owner, queues),
    ];
  }],
  setRules: [16, (run, a, b) => {
    const [socket, flow] = [run.socket(a), flowOf(b)];
    return [
      `setRules(${socket}, ${flow.type} port ${flow.sourcePort})`,
      () => JSON.stringify(run.manager.setRules(socket, flow)),
    ];
  }],
  fault: [3, (run, a, b, c) => {
    const fault: Fault = {
      call: FAULT_CALLS[a % FAULT_CALLS.length] ?? "irq",
      skip: b % 2 === 0 ? 0 : (b >> 1) % 12,
      times: 1 + c % 3,
      errno: FAULT_ERRNOS[(c >> 2) % FAULT_ERRNOS.length] ?? 5,
    };
    return [`fault ${JSON.stringify(fault)}`, () => run.driver.fail(fault)];
  }],
  heal: [3, (run) => ["heal", () => run.driver.heal()]],
  load: [2, (run, a, b) => {
    const [cpu, load] = [a % run.scene.cpus, b % 101];
    return [`load of CPU ${cpu} is ${load}`, () => run.driver.loads[cpu] = load];
  }],
  strategy: [1, (run, a) => {
    const strategy = a % 2 === 0 ? "round-robin" : "load-aware";
    return [`setStrategy("${strategy}")`, () => run.manager.setStrategy(strategy)];
  }],
  partition: [1, (run, a) => {
    const partition = a % 2 === 0 ? "rfc" : "latency-first";
    return [`setPartition("${partition}")`, () => run.manager.setPartition(partition)];
  }],
} as const satisfies Record<string, readonly [weight: number, operation: Operation]>;

/** A kind of operation. */
export type Kind = keyof typeof OPERATIONS;

/** Kinds of operation, in the order of a scene's weights. */
export const KINDS = Object.keys(OPERATIONS) as readonly Kind[];
