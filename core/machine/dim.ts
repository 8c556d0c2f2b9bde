// deno-fmt-ignore-file
// Dynamic interrupt moderation of Linux (lib/dim, net_dim), for comparison: i40e does not use it.
// Every 64 NAPI completions a direction compares its bytes, packets and events per millisecond
// with those before and walks along five profiles: on while it gets better, back when it does not,
// parked at the best or when tired of walking. Told anew from its description. Receive has two
// sets of profiles: from event to event, where only the interval counts, since the device has no
// limit by frames, and from completion to completion, with such a limit. Never touches the device.

import { now } from "../lib/wheel";
import { DIMS } from "./abi";

/** Completions of a sample. */
const SAMPLE_EVENTS: u32 = 64;
/** Per cent by which a rate must differ to count. */
const SIGNIFICANT_PERCENT: u64 = 10;
const PROFILE_COUNT: u32 = 5;
/** Profile at the start. */
const START_PROFILE: u32 = 1;
/** Steps after which it rests. */
const TIRED_STEPS: u32 = 2 * PROFILE_COUNT;
const TICKS_PER_USEC: u64 = 10000;
const USECS_PER_MS: u64 = 1000;

// States, in the order of the kernel: a new one is parked.
const PARKED: u32 = 0;
const RESTING: u32 = 1;
const GOING_RIGHT: u32 = 2;
const GOING_LEFT: u32 = 3;

const SAME: i32 = 0;
const BETTER: i32 = 1;
const WORSE: i32 = -1;

/** State of one direction of a queue pair, 64 bytes. */
@unmanaged
class Dim {
  start: u64;
  packets: u32;
  bytes: u32;
  events: u32;
  state: u32;
  profile: u32;
  right: u32;
  left: u32;
  tired: u32;
  // The sample before, each per millisecond.
  lastBytes: u32;
  lastPackets: u32;
  lastEvents: u32;
}


@inline
function dimAt(queue: u32, isRx: bool): Dim {
  return changetype<Dim>(DIMS + ((<usize>(queue * 2 + (isRx ? 0 : 1))) << 6));
}

/** Receive profiles for completion queues (DIM_CQ_PERIOD_MODE_START_FROM_CQE). */
let byCompletion: bool = false;

/** Takes the receive profiles for completion queues, or those for event queues. */
export function dimByCompletion(on: bool): void {
  byCompletion = on;
}

/** Most frames of a queue pair's receive profile: the kernel's table; 0 for event queues. */
export function dimRxFrames(queue: u32): u32 {
  if (!byCompletion) return 0;
  const profile = dimAt(queue, true).profile;
  return profile == 0 ? 256 : profile == 1 ? 128 : 64;
}

/** Interval of a profile, microseconds: the kernel's tables. */
export function dimUsecs(isRx: bool, profile: u32): u32 {
  if (isRx && byCompletion) return profile == 0 ? 2 : <u32>4 << profile;
  switch (profile) {
    case 0:
      return 1;
    case 1:
      return 8;
    case 2:
      return isRx ? 64 : 32;
    case 3:
      return isRx ? 128 : 64;
    default:
      return isRx ? 256 : 128;
  }
}

/** Starts a direction anew; answers its first interval, microseconds. */
export function dimStart(queue: u32, isRx: bool): u32 {
  assert(offsetof<Dim>() <= 64);
  const dim = dimAt(queue, isRx);
  memory.fill(changetype<usize>(dim), 0, 64);
  dim.profile = START_PROFILE;
  dim.start = now();
  return dimUsecs(isRx, START_PROFILE);
}

function isSignificant(value: u32, before: u32): bool {
  const difference: u64 = value > before ? value - before : before - value;
  return (100 * difference) / before > SIGNIFICANT_PERCENT;
}

/** More bytes, else more packets, else fewer events are better. */
function compare(dim: Dim, bytes: u32, packets: u32, events: u32): i32 {
  if (dim.lastBytes == 0) return bytes != 0 ? BETTER : SAME;
  if (isSignificant(bytes, dim.lastBytes)) return bytes > dim.lastBytes ? BETTER : WORSE;
  if (dim.lastPackets == 0) return packets != 0 ? BETTER : SAME;
  if (isSignificant(packets, dim.lastPackets)) return packets > dim.lastPackets ? BETTER : WORSE;
  if (dim.lastEvents == 0 || !isSignificant(events, dim.lastEvents)) return SAME;
  return events < dim.lastEvents ? BETTER : WORSE;
}

function park(dim: Dim, state: u32): void {
  dim.state = state;
  dim.right = 0;
  dim.left = 0;
  if (state == PARKED) dim.tired = 0;
}

function turn(dim: Dim): void {
  if (dim.state == GOING_RIGHT) {
    dim.state = GOING_LEFT;
    dim.left = 0;
  } else {
    dim.state = GOING_RIGHT;
    dim.right = 0;
  }
}

/** One step back after several on: the profile before it was the best. */
function isOnTop(dim: Dim): bool {
  if (dim.state == GOING_RIGHT) return dim.left > 1 && dim.right == 1;
  return dim.right > 1 && dim.left == 1;
}

function step(dim: Dim): void {
  if (dim.tired == TIRED_STEPS) {
    park(dim, RESTING);
    return;
  }
  const isRight = dim.state == GOING_RIGHT;
  if (dim.profile == (isRight ? PROFILE_COUNT - 1 : 0)) {
    park(dim, PARKED);
    return;
  }
  if (isRight) {
    dim.profile++;
    dim.right++;
  } else {
    dim.profile--;
    dim.left++;
  }
  dim.tired++;
}

function leaveParking(dim: Dim): void {
  dim.state = dim.profile != 0 ? GOING_LEFT : GOING_RIGHT;
  step(dim);
}

function decide(dim: Dim, bytes: u32, packets: u32, events: u32): void {
  const wasParked = dim.state == PARKED;
  if (dim.state == PARKED) {
    if (compare(dim, bytes, packets, events) != SAME) leaveParking(dim);
  } else if (dim.state == RESTING) {
    dim.tired--;
    if (dim.tired == 0) leaveParking(dim);
  } else {
    if (compare(dim, bytes, packets, events) != BETTER) turn(dim);
    if (isOnTop(dim)) park(dim, PARKED);
    else step(dim);
  }
  if (wasParked && dim.state == PARKED) return;
  dim.lastBytes = bytes;
  dim.lastPackets = packets;
  dim.lastEvents = events;
}

function perMs(count: u32, usecs: u64): u32 {
  return <u32>((<u64>count * USECS_PER_MS + usecs - 1) / usecs);
}

/**
 * A NAPI completion with what it has counted: the interval from now on, microseconds. It is an
 * event itself; with completion queues those are the interrupts of the direction's own queue, as
 * mlx5 has them (event_ctr of struct mlx5e_cq).
 */
export function dimEvent(queue: u32, isRx: bool, packets: u32, bytes: u32, raised: u32): u32 {
  const dim = dimAt(queue, isRx);
  dim.packets += packets;
  dim.bytes += bytes;
  dim.events += byCompletion ? raised : 1;
  if (dim.events < SAMPLE_EVENTS) return dimUsecs(isRx, dim.profile);
  const usecs = (now() - dim.start) / TICKS_PER_USEC;
  if (usecs != 0) {
    decide(dim, perMs(dim.bytes, usecs), perMs(dim.packets, usecs), perMs(dim.events, usecs));
  }
  dim.packets = 0;
  dim.bytes = 0;
  dim.events = 0;
  dim.start = now();
  return dimUsecs(isRx, dim.profile);
}
