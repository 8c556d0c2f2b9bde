/**
 * Runs a scenario script against policy.wasm with a recording driver: one result per step, and at
 * the end everything the manager holds. A refused step is a result; it ends nothing.
 *
 * @module
 */

import type { ManagerFace } from "./face.ts";
import { CoreFault, ERRNO, errnoName, PolicyError } from "./errno.ts";
import { flowSpec, flowText } from "./flow.ts";
import { type Capacities, type Pick, policyName, policyValue } from "./manager.ts";
import { RecordingDriver } from "./recorder.ts";
import type { Scenario, ScenarioDevice, ScenarioStep } from "./scenario_schema.ts";
import type { DevicePolicy } from "../record.ts";

/** Outcome of one step. */
export type StepResult =
  | { readonly step: number; readonly op: string; readonly ok: true; readonly value: unknown }
  | {
    readonly step: number;
    readonly op: string;
    readonly ok: false;
    readonly errno: string;
    readonly message: string;
  };

/** Sizes for a script: as large as its steps can ever fill, unless it says otherwise. */
function scenarioCapacities(scenario: Scenario): Capacities {
  const { topology, devices, steps } = scenario;
  const creators = new Set(["task", "task.write", "fork", "socket", "accept"]);
  const owners = steps.filter((step) => creators.has(step.op)).length;
  const sockets = steps.filter((step) => step.op === "socket" || step.op === "accept").length;
  const queues = [
    ...devices.flatMap((device) => [device.rxQueues, device.txQueues]),
    ...steps.map((step) => step.op === "channels" ? step.count ?? 1 : 1),
  ];
  return {
    cpus: Math.max(...topology.nodes.flatMap((node) => node.cpus)) + 1,
    nodes: Math.max(...topology.nodes.map((node) => node.id)) + 1,
    devices: devices.length,
    queues: Math.max(...queues),
    owners: scenario.capacities?.owners ?? Math.max(1, owners),
    // A rule that could not be deleted stays beside the one that replaces it.
    rules: scenario.capacities?.rules ?? 2 * sockets,
    allowed: Math.max(1, owners),
    buckets: 0,
  };
}

/** A manager that a script can run on; what can check itself is asked to after every step. */
export type ScenarioManager = ManagerFace & { check?(): string | null };

/** A script in progress. */
export class ScenarioRun {
  readonly manager: ScenarioManager;
  readonly driver: RecordingDriver;
  readonly #scenario: Scenario;
  readonly #devices = new Map<string, number>();
  readonly #tasks = new Map<number, number>();
  readonly #sockets = new Map<number, number>();

  /**
   * Declares topology and devices, and brings the devices up.
   *
   * @param make Makes the manager for a driver.
   */
  constructor(
    scenario: Scenario,
    make: (driver: RecordingDriver, capacities: Capacities) => ScenarioManager,
  ) {
    this.#scenario = scenario;
    const { topology } = scenario;
    const online = topology.online ?? topology.nodes.flatMap((node) => node.cpus);
    this.driver = new RecordingDriver(online);
    this.manager = make(this.driver, scenarioCapacities(scenario));
    this.manager.setTopology({ ...topology, online });
    this.manager.setStrategy(scenario.strategy);
    this.manager.setPartition(scenario.partition);
    for (const device of scenario.devices) this.manager.deviceUp(this.#register(device));
  }

  /** NETDEV_REGISTER of a device of the scenario; its number. */
  #register(device: ScenarioDevice): number {
    const index = this.#scenario.devices.indexOf(device);
    const { name, netns, node } = device;
    const number = this.manager.deviceRegister({ name, netns, ifindex: index + 1, node });
    const available = device.policies.reduce(
      (bits, policy) => bits | (1 << policyValue(policy)),
      0,
    );
    this.driver.attach(number, {
      rxQueues: device.rxQueues,
      txQueues: device.txQueues,
      ruleCapacity: device.ruleCapacity,
      info: {
        available,
        mix: device.mix,
        queuePair: device.queuePair,
        irqAffinity: device.irqAffinity,
        recordLimit: device.maxRecords,
      },
    });
    this.#devices.set(name, number);
    return number;
  }

  /**
   * Runs all steps, one result at a time.
   *
   * @throws {CoreFault} when an invariant breaks: a fault of the core, not of the script.
   */
  *steps(): Generator<StepResult> {
    let number = 0;
    for (const step of this.#scenario.steps) {
      number++;
      yield this.#step(number, step);
      const broken = this.manager.check?.() ?? null;
      if (broken !== null) {
        throw new CoreFault(`Invariant ${broken} is broken after step ${number}`);
      }
    }
  }

  #step(number: number, step: ScenarioStep): StepResult {
    const { op } = step;
    try {
      return { step: number, op, ok: true, value: this.#run(step) ?? null };
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      // In the script's words: the manager's own sentence would name its handles.
      const { message } = new PolicyError(`${op} ${operandsOf(step)}`.trim(), error.errno);
      return { step: number, op, ok: false, errno: error.code, message };
    }
  }

  #run(step: ScenarioStep): unknown {
    const [family] = step.op.split(".");
    if (["proc", "objects", "status", "channels", "dev"].includes(family!)) {
      return this.#onDevice(step);
    }
    if (["task", "fork", "exit", "affinity"].includes(family!)) return this.#onTask(step);
    if (["cpu", "load", "driver", "strategy", "partition", "log"].includes(family!)) {
      return this.#onHost(step);
    }
    return this.#onSocket(step);
  }

  #device(step: ScenarioStep): number {
    const device = this.#devices.get(step.dev!);
    if (device === undefined) throw new PolicyError(`Device "${step.dev}"`, ERRNO.ENODEV);
    return device;
  }

  #onDevice(step: ScenarioStep): unknown {
    const { manager } = this;
    if (step.op === "dev.register") {
      const again = this.#scenario.devices.find(({ name }) => name === step.dev);
      if (again === undefined) throw new PolicyError(`Device "${step.dev}"`, ERRNO.ENODEV);
      this.#register(again);
      return null;
    }
    const device = this.#device(step);
    switch (step.op) {
      case "proc.write":
        return manager.writeDevicePolicy(device, step.text!);
      case "proc.read":
        return manager.readDevicePolicy(device);
      case "objects":
        return manager.objects(device);
      case "status":
        return manager.deviceStatus(device);
      case "channels":
        this.driver.setChannels(device, { rx: step.count!, tx: step.count! });
        return manager.deviceChannels(device);
      case "dev.up":
        return manager.deviceUp(device);
      case "dev.down":
        return manager.deviceDown(device);
      case "dev.rename":
        manager.deviceRename(device, step.to!);
        this.#devices.delete(step.dev!);
        this.#devices.set(step.to!, device);
        return null;
      default:
        manager.deviceUnregister(device);
        this.driver.detach(device);
        this.#devices.delete(step.dev!);
        return null;
    }
  }

  #task(pid: number): number {
    const task = this.#tasks.get(pid);
    if (task === undefined) throw new PolicyError(`Task ${pid}`, ERRNO.ESRCH);
    return task;
  }

  #onTask(step: ScenarioStep): unknown {
    const { manager } = this;
    const pid = step.pid!;
    if (step.op === "task" && !this.#tasks.has(pid)) this.#tasks.set(pid, manager.taskCreate(pid));
    const task = this.#task(pid);
    switch (step.op) {
      case "task":
        return step.policy === undefined ? null : manager.setTaskPolicy(task, String(step.policy));
      case "task.write":
        return manager.setTaskPolicy(task, step.text!);
      case "task.read":
        return manager.readTaskPolicy(task);
      case "fork":
        if (this.#tasks.has(step.child!)) throw new PolicyError(`Task ${step.child}`, ERRNO.EEXIST);
        this.#tasks.set(step.child!, manager.taskFork(task, step.child!));
        return null;
      case "affinity":
        return manager.setTaskAllowed(task, step.cpus!);
      default:
        manager.taskExit(task);
        this.#tasks.delete(pid);
        return null;
    }
  }

  #socket(id: number): number {
    const socket = this.#sockets.get(id);
    if (socket === undefined) throw new PolicyError(`Socket ${id}`, ERRNO.EBADF);
    return socket;
  }

  #open(id: number, open: () => number): void {
    if (this.#sockets.has(id)) throw new PolicyError(`Socket ${id}`, ERRNO.EEXIST);
    this.#sockets.set(id, open());
  }

  #onSocket(step: ScenarioStep): unknown {
    const { manager } = this;
    const id = step.id!;
    switch (step.op) {
      case "socket": {
        const task = step.pid === undefined ? 0 : this.#task(step.pid);
        const device = step.dev === undefined ? 0 : this.#device(step);
        return this.#open(id, () => manager.socketOpen({ id, task, device }));
      }
      case "accept": {
        const listener = this.#socket(step.listener!);
        return this.#open(id, () => manager.socketAccept(listener, id));
      }
      case "setsockopt": {
        const { policy } = step;
        const value = typeof policy === "number"
          ? policy
          : policy === "INVALID"
          ? -1
          : policyValue(policy as DevicePolicy);
        return manager.setSocketPolicy(this.#socket(id), value);
      }
      case "getsockopt": {
        const policy = manager.getSocketPolicy(this.#socket(id));
        return { policy: policy ?? "INVALID", value: policy === null ? -1 : policyValue(policy) };
      }
      case "bind":
        return manager.socketSetDevice(this.#socket(id), this.#device(step));
      case "packet":
        return this.#packet(step);
      case "xmit": {
        const queues = { xps: step.xps ?? -1, hash: step.hash ?? -1 };
        const queue = manager.netdevPickTx(this.#socket(id), queues);
        return queue < 0 ? { default: "hash" } : { queue };
      }
      default:
        manager.socketClose(this.#socket(id));
        this.#sockets.delete(id);
        return null;
    }
  }

  /** A received packet with a flow also programs the rule, as recvmsg does. */
  #packet(step: ScenarioStep): unknown {
    const socket = this.#socket(step.id!);
    const direction = step.dir!;
    const pick = this.manager.pickQueue(socket, direction);
    if (direction === "rx" && "queue" in pick && step.flow !== undefined) {
      this.manager.setRules(socket, flowSpec(step.flow));
    }
    return packetValue(pick, direction);
  }

  #onHost(step: ScenarioStep): unknown {
    const { manager, driver } = this;
    switch (step.op) {
      case "cpu.online":
        return manager.cpuOnline(step.cpu!);
      case "cpu.offline":
        return manager.cpuOffline(step.cpu!);
      case "load":
        return driver.setLoad(step.cpu!, step.percent!);
      case "strategy":
        return manager.setStrategy(step.name as Scenario["strategy"]);
      case "partition":
        return manager.setPartition(step.name as Scenario["partition"]);
      case "log":
        return manager.log();
      default:
        return driver.fail({
          call: step.call!,
          device: step.dev === undefined ? null : this.#device(step),
          times: step.times ?? 1,
          after: step.after ?? 0,
          errno: ERRNO[step.errno ?? "EIO"],
        });
    }
  }

  /** Everything the manager and the driver hold. */
  final(): Record<string, unknown> {
    const { manager, driver } = this;
    const nameOf = new Map([...this.#devices].map(([name, device]) => [device, name]));
    const owners = new Map([
      ...[...this.#tasks].map(([pid, task]): [number, unknown] => [task, { pid }]),
      ...[...this.#sockets].map(([id, socket]): [number, unknown] => [socket, { socket: id }]),
    ]);
    return {
      devices: Object.fromEntries(
        [...this.#devices].map(([name, device]) => [name, {
          ...manager.deviceStatus(device),
          objects: manager.objects(device),
        }]),
      ),
      tasks: [...this.#tasks].map(([pid, task]) => ({
        pid,
        policy: manager.readTaskPolicy(task).trim(),
      })),
      sockets: [...this.#sockets].map(([id, socket]) => ({
        id,
        policy: manager.getSocketPolicy(socket) ?? "INVALID",
      })),
      records: manager.records().map((record) => ({
        ...record,
        owner: owners.get(record.owner) ?? null,
        device: nameOf.get(record.device) ?? null,
      })),
      rules: manager.rules().map(({ instance, device, flow, ...rule }) => ({
        ...rule,
        owner: owners.get(instance) ?? null,
        device: nameOf.get(device) ?? null,
        flow: flowText(flow),
      })),
      irq_affinity: driver.affinity(),
      driver_calls: driver.calls.map(({ call, device, args, result }) => ({
        call,
        device: device === null ? null : nameOf.get(device) ?? null,
        args: call === "set_policy" ? settingOf(args) : args,
        result: result < 0 ? errnoName(-result) : result,
      })),
      counters: manager.counters(),
      log: manager.log(),
    };
  }
}

/** What a step was about, as it stands in the script. */
function operandsOf({ op: _shownBefore, ...operands }: ScenarioStep): string {
  return Object.keys(operands).length === 0 ? "" : JSON.stringify(operands);
}

/** Arguments of set_policy in words. */
function settingOf(args: readonly number[]): Record<string, unknown> {
  const [policy = 0, direction = 2, queue = -1] = args;
  return {
    policy: policyName(policy),
    direction: ["rx", "tx", "rxtx"][direction],
    queue: queue < 0 ? "all" : queue,
  };
}

function packetValue(pick: Pick, direction: "rx" | "tx"): unknown {
  if ("queue" in pick) return { queue: pick.queue };
  const handling = direction === "rx" ? "rss" : "xps";
  return { default: handling, errno: pick.code };
}
