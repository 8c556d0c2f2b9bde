// deno-fmt-ignore-file
// The end of a transaction as its client sees it, an ideal one or a thread: latency and bytes are
// counted, and the oldest request of the connection is no more under way. Starts nothing.

import { histogramAdd, HISTOGRAM_SIZE } from "../lib/histogram";
import { HISTOGRAMS } from "./abi";
import { Connection, Group, stampAt, TCP_CC } from "./connection";
import { TICKS_PER_NS } from "./costs";
import { requestBytesOf, responseBytesOf } from "./sizes";

/** The oldest transaction of a connection is complete at time `done`, ticks. */
export function transactionDone(connection: Connection, group: Group, done: u64): void {
  assert(connection.outstanding > 0);
  const intended = load<u64>(stampAt(connection, group, connection.stampHead));
  const histogram = HISTOGRAMS + <usize>connection.group * HISTOGRAM_SIZE;
  const latency = done - intended;
  histogramAdd(histogram, latency / TICKS_PER_NS);
  group.latencySum += latency;
  group.latencyMin = min(group.latencyMin, latency);
  group.latencyMax = max(group.latencyMax, latency);
  group.transactions++;
  if (group.test != TCP_CC) {
    group.bytes += requestBytesOf(connection, group, connection.stampHead);
    group.bytes += responseBytesOf(connection, group, connection.stampHead);
  }
  connection.stampHead++;
  connection.outstanding--;
}
