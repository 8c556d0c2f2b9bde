/**
 * Rates per second of CPU time of this thread: what others do on the machine has no part in them,
 * and neither has a part of the verifier that runs beside.
 *
 * @module
 */

import process from "node:process";

/** CPU time this thread has used, in seconds; steps of 10 ms on Linux. */
export function cpuSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}

/** Linux gives a thread's time in steps of 10 ms: a rate over less than 20 of them says nothing. */
const SECONDS_MIN = 0.2;

/** The figure "NAME per CPU second", or none where the time was too short for one. */
export function perCpuSecond(name: string, count: number, seconds: number): Record<string, number> {
  return seconds < SECONDS_MIN
    ? {}
    : { [`${name} per CPU second`]: Number((count / seconds).toPrecision(3)) };
}
