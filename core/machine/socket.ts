// deno-fmt-ignore-file
// Sockets of the system under test towards the policy manager: open, accept, close, the policy
// they ask for, and the rule after each receive call. A socket without an instance gets default
// handling. Knows nothing of protocols beyond their number.

import { Connection, connectionAt, groupAt, hasConnects } from "./connection";
import { cost, RULE_INSERT } from "./costs";
import { PREFIX } from "./family";
import { ruleProgrammed } from "./flow_director";
import {
  setRulesV4,
  setRulesV6,
  setSocketPolicy,
  socketAccept,
  socketClose,
  socketOpen,
} from "./policy";
import { totals } from "./totals";

let nextId: u32 = 1;
let task: i32 = 0;
let device: i32 = 0;

/** Sockets belong to this task and use this device of the policy manager. */
export function socketsInit(taskNumber: i32, deviceNumber: i32): void {
  nextId = 1;
  task = taskNumber;
  device = deviceNumber;
}

function ask(instance: i32, policy: u32): void {
  if (instance < 0) totals().socketsRefused++;
  else if (policy != 0 && setSocketPolicy(instance, policy) < 0) totals().policiesRefused++;
}

/** Opens the socket of a connection's server: a listener for CRR. */
export function socketSetUp(index: u32): void {
  const connection = connectionAt(index);
  const group = groupAt(connection.group);
  connection.instance = -1;
  connection.listener = -1;
  const instance = socketOpen(nextId++, task, device);
  ask(instance, group.policy);
  if (hasConnects(group.test)) connection.listener = instance;
  else connection.instance = instance;
}

/** A connection whose frames bypass the stack has no socket that the policy manager knows. */
export function socketNone(connection: Connection): void {
  connection.instance = -1;
  connection.listener = -1;
}

/** The server accepts: the new socket inherits from the listener. */
export function socketTake(connection: Connection): void {
  connection.instance = connection.listener >= 0 ? socketAccept(connection.listener, nextId++) : -1;
  if (connection.listener >= 0 && connection.instance < 0) totals().socketsRefused++;
}

/** CPU time of the rules inserted and deleted since there were so many, ticks. */
function ruleTicks(before: u32): u64 {
  return <u64>(ruleProgrammed() - before) * cost(RULE_INSERT);
}

/** The server closes; returns the CPU time that deleting its rule took, ticks. */
export function socketLeave(connection: Connection): u64 {
  const before = ruleProgrammed();
  if (connection.instance >= 0) socketClose(connection.instance);
  connection.instance = -1;
  return ruleTicks(before);
}

function setRules(connection: Connection): i32 {
  const instance = connection.instance;
  const protocol = connection.protocol;
  const source = connection.source;
  const destination = connection.destination;
  return connection.isV6 != 0
    ? setRulesV6(instance, protocol, PREFIX, source, destination, connection.ports)
    : setRulesV4(instance, protocol, source, destination, connection.ports);
}

/** After a receive call; returns the CPU time that programming rules took, ticks. */
export function socketReceived(connection: Connection): u64 {
  if (connection.instance < 0) return 0;
  const before = ruleProgrammed();
  if (setRules(connection) >= 0) connection.steered = 1;
  return ruleTicks(before);
}
