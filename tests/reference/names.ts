/**
 * Reference model: the texts that go in and out (rules 9, 10, 14, 15).
 *
 * @module
 */

import { type Device, DIRECTIONS, HINT_VALUES, INVALID, MIX, NONE } from "./state.ts";

const NAMES: ReadonlyMap<number, string> = new Map([
  [INVALID, "INVALID"],
  [0, "NONE"],
  [1, "CPU"],
  [2, "BULK"],
  [3, "LATENCY"],
  [MIX, "MIX"],
]);

/** Longest policy name that is accepted, in bytes, a newline included. */
export const POLICY_NAME_BYTES = 64;

/** Name of a policy value. */
export function nameOf(policy: number): string {
  return NAMES.get(policy) ?? String(policy);
}

/** Length as the kernel sees it. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** The policy that a written text names, null for none: the whole name in any letter case. */
export function parsePolicy(text: string): number | null {
  const name = text.endsWith("\n") ? text.slice(0, -1) : text;
  if (!/^[A-Za-z]+$/.test(name)) return null;
  const upper = name.toUpperCase();
  const found = [...NAMES].find(([value, known]) => value !== INVALID && known === upper);
  return found === undefined ? null : found[0];
}

/** A name the kernel would give a network device: 1 to 15 bytes, printable, no slash or colon. */
export function isDeviceName(name: string): boolean {
  return /^[!-~]{1,15}$/.test(name) && !/[/:]/.test(name) && name !== "." && name !== "..";
}

/** Rule 14: the text of `/proc/net/netpolicy/DEV/policy`. */
export function devicePolicyText(device: Device): string {
  const line = (text: string) => `${device.name}: ${text}\n`;
  if (device.policy === NONE) {
    const available = HINT_VALUES.filter((policy) =>
      policy !== NONE && ((device.info?.available ?? 0) >> policy & 1) === 1
    ).map(nameOf);
    if (device.info?.mix === true) available.push("MIX");
    const names = available.map((name) => ` ${name}`).join("");
    return line("There is no policy applied") + line(`The available policy include:${names}`);
  }
  if (device.policy !== MIX) {
    return line(`POLICY ${nameOf(device.policy)} is running on the system`);
  }
  const queues = HINT_VALUES.map((policy) =>
    line(`queues for ${nameOf(policy)} policy`) +
    DIRECTIONS.map((direction) =>
      (device.inForce?.lists[direction].get(policy)?.objects ?? [])
        .map(({ queue }) => line(`${direction === 0 ? "rx" : "tx"} queue ${queue}`)).join("")
    ).join("")
  );
  return line("MIX policy is running on the system") + queues.join("");
}
