/**
 * The operations of an exploration: what each calls, and how a scenario script says it.
 *
 * @module
 */

import type { ScenarioStep } from "../policy/scenario_schema.ts";
import type { Exploration } from "./exploration.ts";
import { type Hands, POLICY_VALUES, type Subject } from "./subject.ts";

/** What an operation is about, for the properties it must keep. */
export type Kind =
  | "write"
  | "down"
  | "up"
  | "unregister"
  | "register"
  | "channels"
  | "offline"
  | "online"
  | "task"
  | "taskPolicy"
  | "fork"
  | "exit"
  | "allowed"
  | "open"
  | "accept"
  | "bind"
  | "policy"
  | "pick"
  | "rule"
  | "close"
  | "host";

/** How owners are called in a script: by the number they were created with. */
export interface ScriptNames {
  /** Number of the owner that has a handle now. */
  of(handle: number): number;
  /** Number of the owner that the operation creates. */
  readonly born: number;
  /** The CPU that is called so in the folded state. */
  cpu(folded: number): number;
}

/** One operation with its operands. */
export interface Operation {
  readonly kind: Kind;
  /** Device concerned, 0 where there is none. */
  readonly device: number;
  /** Owner concerned, 0 where there is none. */
  readonly owner: number;
  /** Direction of a packet, policy asked for. */
  readonly value: number;
  /** Whether it can be done in the subject's present state. */
  readonly enabled: (subject: Subject) => boolean;
  /** Does it; a negative answer is a refusal. */
  readonly run: (subject: Hands) => number;
  /** Step of a script; creating operations bring the new owner's number. */
  readonly step: (names: ScriptNames) => ScenarioStep;
  /** True if a handle comes out of it. */
  readonly creates: boolean;
}

type Given =
  & Pick<Operation, "kind" | "run" | "step">
  & Partial<Pick<Operation, "device" | "owner" | "value" | "enabled" | "creates">>;

function operation(given: Given): Operation {
  return { device: 0, owner: 0, value: 0, enabled: () => true, creates: false, ...given };
}

const isTask = (owner: number) => (subject: Subject): boolean =>
  subject.arena.instanceKind(owner) === 2;
const isSocket = (owner: number) => (subject: Subject): boolean =>
  subject.arena.instanceKind(owner) === 1;

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, place) => place + 1);
}

/** DEVICE_ flags of core/policy/abi.ts. */
const REGISTERED = 1;
const UP = 2;

const has = (device: number, flag: number) => ({ arena }: Subject): boolean =>
  (arena.deviceFlags(device) & flag) !== 0;

/** A device goes down and comes up, is unregistered and registered again. */
function comings(device: number, dev: string, operations: Exploration["operations"]): Operation[] {
  const downs = operations["dev.down"] !== true ? [] : [operation({
    kind: "down",
    device,
    enabled: has(device, UP),
    run: ({ calls, host }) => {
      const answer = calls.deviceDown(device);
      host.dropRules(device);
      return answer;
    },
    step: () => ({ op: "dev.down", dev }),
  })];
  const canBeDown = operations["dev.down"] === true || operations["dev.unregister"] === true;
  const ups = !canBeDown ? [] : [operation({
    kind: "up",
    device,
    enabled: (subject) => has(device, REGISTERED)(subject) && !has(device, UP)(subject),
    run: ({ calls }) => calls.deviceUp(device),
    step: () => ({ op: "dev.up", dev }),
  })];
  const comesAndGoes = operations["dev.unregister"] !== true ? [] : [
    operation({
      kind: "unregister",
      device,
      enabled: has(device, REGISTERED),
      run: ({ calls, host }) => {
        const answer = calls.deviceUnregister(device);
        host.forget(device);
        return answer;
      },
      step: () => ({ op: "dev.unregister", dev }),
    }),
    operation({
      kind: "register",
      device,
      // It gets the lowest free number, and must get its own again.
      enabled: ({ arena }) =>
        upTo(device).every((other) => (arena.deviceFlags(other) & 1) === (other < device ? 1 : 0)),
      run: (subject) => subject.register(device),
      step: () => ({ op: "dev.register", dev }),
    }),
  ];
  return [...downs, ...ups, ...comesAndGoes];
}

function deviceOperations({ devices, operations }: Exploration): Operation[] {
  return devices.flatMap(({ name: dev }, place): Operation[] => {
    const device = place + 1;
    const writes = (operations["proc.write"] ?? []).map((text) =>
      operation({
        kind: "write",
        device,
        value: POLICY_VALUES[text] ?? -1,
        run: (subject) => subject.calls.writeDevicePolicy(device, subject.write(text)),
        step: () => ({ op: "proc.write", dev, text }),
      })
    );
    const channels = (operations.channels ?? []).map((count) =>
      operation({
        kind: "channels",
        device,
        enabled: (subject) =>
          has(device, REGISTERED)(subject) && subject.host.channels(device) !== count,
        run: ({ calls, host }) => {
          host.setChannels(device, count);
          return calls.deviceChannels(device);
        },
        step: () => ({ op: "channels", dev, count }),
      })
    );
    return [...writes, ...comings(device, dev, operations), ...channels];
  });
}

function hostOperations({ topology, operations }: Exploration): Operation[] {
  const cpus = topology.nodes.flatMap((node) => node.cpus);
  const isOnline = (cpu: number) => ({ arena }: Subject): boolean =>
    (arena.u8[arena.layout.cpus + 8 * cpu + 4]! & 2) !== 0;
  return [
    ...(operations["cpu.offline"] ?? []).flatMap((cpu) => [
      operation({
        kind: "offline",
        enabled: isOnline(cpu),
        run: ({ calls }) => calls.cpuOffline(cpu),
        step: (names) => ({ op: "cpu.offline", cpu: names.cpu(cpu) }),
      }),
      operation({
        kind: "online",
        enabled: (subject) => !isOnline(cpu)(subject),
        run: ({ calls }) => calls.cpuOnline(cpu),
        step: (names) => ({ op: "cpu.online", cpu: names.cpu(cpu) }),
      }),
    ]),
    ...cpus.flatMap((cpu) =>
      (operations.load ?? []).map((percent) =>
        operation({
          kind: "host",
          run: ({ host }) => {
            host.setLoad(cpu, percent);
            return 0;
          },
          step: () => ({ op: "load", cpu, percent }),
        })
      )
    ),
    ...(operations.strategy === true ? ["round-robin", "load-aware"] : []).map((name, value) =>
      operation({
        kind: "host",
        run: ({ calls }) => calls.setStrategy(value),
        step: () => ({ op: "strategy", name }),
      })
    ),
  ];
}

function taskOperations({ capacities, operations }: Exploration): Operation[] {
  const most = operations.task ?? 0;
  if (most === 0) return [];
  const fewer = ({ arena }: Subject): boolean =>
    upTo(capacities.owners).filter((owner) => arena.instanceKind(owner) === 2).length < most;
  const creates = true;
  return [
    operation({
      kind: "task",
      enabled: fewer,
      run: ({ calls }) => calls.taskCreate(1),
      step: ({ born }) => ({ op: "task", pid: born }),
      creates,
    }),
    ...upTo(capacities.owners).flatMap((owner): Operation[] => [
      operation({
        kind: "exit",
        owner,
        enabled: isTask(owner),
        run: ({ calls }) => calls.taskExit(owner),
        step: (names) => ({ op: "exit", pid: names.of(owner) }),
      }),
      ...(operations["task.write"] ?? []).map((text) =>
        operation({
          kind: "taskPolicy",
          owner,
          value: POLICY_VALUES[text] ?? -1,
          enabled: isTask(owner),
          run: (subject) => subject.calls.setTaskPolicyName(owner, subject.write(text)),
          step: (names) => ({ op: "task.write", pid: names.of(owner), text }),
        })
      ),
      ...(operations.fork !== true ? [] : [operation({
        kind: "fork",
        owner,
        enabled: (subject) => isTask(owner)(subject) && fewer(subject),
        run: ({ calls }) => calls.taskFork(owner, 1),
        step: (names) => ({ op: "fork", pid: names.of(owner), child: names.born }),
        creates,
      })]),
      ...(operations.affinity ?? []).map((cpus) =>
        operation({
          kind: "allowed",
          owner,
          enabled: isTask(owner),
          run: (subject) => {
            subject.writeMask(cpus.reduce((mask, cpu) => mask | 1 << cpu, 0));
            return subject.calls.setTaskAllowed(owner);
          },
          step: (names) => ({ op: "affinity", pid: names.of(owner), cpus }),
        })
      ),
    ]),
  ];
}

function openOperations({ capacities, devices, operations }: Exploration): Operation[] {
  const tasks = [
    ...(operations.socket?.includes("alone") ? [0] : []),
    ...(operations.socket?.includes("task") ? upTo(capacities.owners) : []),
  ];
  return devices.flatMap(({ name: dev }, place) =>
    tasks.map((task) =>
      operation({
        kind: "open",
        owner: task,
        device: place + 1,
        enabled: task === 0 ? () => true : isTask(task),
        run: (subject) => subject.open(task, place + 1),
        step: (names) => ({
          op: "socket",
          id: names.born,
          ...(task === 0 ? {} : { pid: names.of(task) }),
          dev,
        }),
        creates: true,
      })
    )
  );
}

/** The flow that a number stands for, as a script writes it. */
function flowText(flow: number): NonNullable<ScenarioStep["flow"]> {
  return { proto: "tcp", src: `0.0.0.${flow}`, sport: 0, dst: "0.0.0.1", dport: 80 };
}

function packetOperations(owner: number, { operations }: Exploration): Operation[] {
  const enabled = isSocket(owner);
  const picks = (operations.packet ?? []).map((dir) => {
    const value = dir === "rx" ? 0 : 1;
    return operation({
      kind: "pick",
      owner,
      value,
      enabled,
      run: ({ calls }) => calls.pickQueue(owner, value),
      step: (names) => ({ op: "packet", id: names.of(owner), dir }),
    });
  });
  const rules = upTo(operations.flows ?? 0).map((flow) =>
    operation({
      kind: "rule",
      owner,
      value: flow,
      enabled,
      run: ({ calls }) => calls.setRulesV4(owner, 6, flow, 1, 80),
      step: (names) => ({ op: "packet", id: names.of(owner), dir: "rx", flow: flowText(flow) }),
    })
  );
  return [...picks, ...rules];
}

function socketOperations(exploration: Exploration): Operation[] {
  const { capacities, devices, operations } = exploration;
  return upTo(capacities.owners).flatMap((owner): Operation[] => {
    const enabled = isSocket(owner);
    return [
      operation({
        kind: "close",
        owner,
        enabled,
        run: ({ calls }) => calls.socketClose(owner),
        step: (names) => ({ op: "close", id: names.of(owner) }),
      }),
      ...(operations.accept !== true ? [] : [operation({
        kind: "accept",
        owner,
        enabled,
        run: ({ calls }) => calls.socketAccept(owner, 1),
        step: (names) => ({ op: "accept", listener: names.of(owner), id: names.born }),
        creates: true,
      })]),
      ...(operations.bind !== true ? [] : devices.map(({ name: dev }, place) =>
        operation({
          kind: "bind",
          owner,
          device: place + 1,
          enabled,
          run: ({ calls }) => calls.socketSetDevice(owner, place + 1),
          step: (names) => ({ op: "bind", id: names.of(owner), dev }),
        })
      )),
      ...(operations.setsockopt ?? []).map((policy) =>
        operation({
          kind: "policy",
          owner,
          value: POLICY_VALUES[policy]!,
          enabled,
          run: ({ calls }) => calls.setSocketPolicy(owner, POLICY_VALUES[policy]!),
          step: (names) => ({ op: "setsockopt", id: names.of(owner), policy }),
        })
      ),
      ...packetOperations(owner, exploration),
    ];
  });
}

/** Every operation that an exploration does, in a fixed order. */
export function operationsOf(exploration: Exploration): Operation[] {
  return [
    ...deviceOperations(exploration),
    ...hostOperations(exploration),
    ...taskOperations(exploration),
    ...openOperations(exploration),
    ...(exploration.operations.socket === undefined ? [] : socketOperations(exploration)),
  ];
}
