/**
 * The face of a policy manager: what scripts and comparisons call. Types only.
 *
 * @module
 */

import type { PolicyManager } from "./manager.ts";

/** The calls that the compiled manager and a model of it have in common. */
export type ManagerFace = Pick<
  PolicyManager,
  | "setTopology"
  | "setStrategy"
  | "setPartition"
  | "deviceRegister"
  | "deviceUnregister"
  | "deviceUp"
  | "deviceDown"
  | "deviceRename"
  | "deviceChannels"
  | "cpuOnline"
  | "cpuOffline"
  | "writeDevicePolicy"
  | "readDevicePolicy"
  | "deviceStatus"
  | "objects"
  | "taskCreate"
  | "setTaskPolicy"
  | "readTaskPolicy"
  | "taskFork"
  | "taskExit"
  | "setTaskAllowed"
  | "socketOpen"
  | "socketAccept"
  | "socketClose"
  | "socketSetDevice"
  | "setSocketPolicy"
  | "getSocketPolicy"
  | "pickQueue"
  | "netdevPickTx"
  | "setRules"
  | "records"
  | "rules"
  | "counters"
  | "log"
>;
