// deno-fmt-ignore-file
// Room in the flow director's table, which rules and ATR's filters (atr.ts) share: where the i40e
// driver stops the one and the other near a full table, and the flush that empties it of ATR's
// filters (i40e_main.c: i40e_fdir_check_and_reenable, i40e_fdir_flush_and_replay). Holds no rules.

import { cancel, now, schedule } from "../lib/wheel";
import { EV_FLUSH } from "./abi";
import { connectionAt, connectionsUsed } from "./connection";
import { cost, FD_FLUSH } from "./costs";
import { RULE_LIMIT, ruleChanged, ruleCount, ruleTcpCount } from "./flow_director";

/** Free filters below which ATR stops, from which on it and rules start again (i40e.h). */
const FULL_MARGIN: u32 = 10;
const ATR_ROOM: u32 = 128;
const RULE_ROOM: u32 = 32;
/** Least time between two flushes of the table: 10 s. */
const FLUSH_INTERVAL: u64 = 100000000000;

/** Filters of ATR, the forgotten ones of ended flows among them. */
let atrCount: u32 = 0;
let atrStopped: bool = false;
let rulesStopped: bool = false;
let flushEvent: u32 = 0;
/** Ticks from which on the table may be flushed again. */
let flushNext: u64 = 0;

/** An empty table. */
export function roomInit(): void {
  atrCount = 0;
  atrStopped = false;
  rulesStopped = false;
  flushEvent = 0;
  flushNext = 0;
}

/** The table is being flushed: nothing matches, and nothing is accepted. */
@inline
export function isFlushed(): bool {
  return flushEvent != 0;
}

/** Filters of ATR in the table. */
export function atrFilters(): u32 {
  return atrCount;
}

function freeFilters(): u32 {
  return RULE_LIMIT - min(ruleCount() + atrCount, RULE_LIMIT);
}

/** The driver empties the table of ATR's filters; until that is done nothing matches. */
function startFlush(): void {
  if (flushEvent != 0 || now() < flushNext) return;
  atrClear();
  ruleChanged();
  flushEvent = schedule(now() + cost(FD_FLUSH), EV_FLUSH, 0);
}

/** All filters of ATR are gone, those that are being programmed as well. */
export function atrClear(): void {
  for (let i: u32 = 0; i < connectionsUsed(); i++) {
    const connection = connectionAt(i);
    if (connection.atrEvent != 0) cancel(connection.atrEvent);
    connection.atrEvent = 0;
    connection.atrQueue = -1;
    connection.atrNext = -1;
  }
  atrCount = 0;
}

/** The flush is over and the rules are programmed again. */
export function flushDone(): void {
  flushEvent = 0;
  flushNext = now() + FLUSH_INTERVAL;
  ruleChanged();
}

/** Room for one more filter of ATR, which is taken; near the table's end ATR stops. */
export function atrTake(): bool {
  if (!atrRuns()) return false;
  atrStopped = freeFilters() <= FULL_MARGIN;
  if (atrStopped) {
    if (rulesStopped) startFlush();
    return false;
  }
  atrCount++;
  return true;
}

/** Whether the driver samples for ATR now: not while it has stopped or a TCP rule exists. */
export function atrRuns(): bool {
  if (flushEvent != 0 || ruleTcpCount() != 0) return false;
  return !atrStopped || freeFilters() > ATR_ROOM;
}

/** A filter of ATR is gone. */
export function atrGive(): void {
  assert(atrCount > 0);
  atrCount--;
}

/** Whether a rule finds room; a full table takes none until there is some more. */
export function hasRoom(): bool {
  if (rulesStopped && freeFilters() <= RULE_ROOM) return false;
  rulesStopped = freeFilters() == 0;
  if (rulesStopped && atrCount != 0) startFlush();
  return !rulesStopped;
}
