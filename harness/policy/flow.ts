/**
 * Flows as people write them (`{"proto":"tcp","src":"10.0.0.1",...}`) and as rules hold them.
 *
 * @module
 */

import ipaddr from "ipaddr.js";
import type { FlowSpec } from "./driver.ts";

/** A flow in a script. */
export interface FlowText {
  readonly proto: "tcp" | "udp";
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
}

/** Why a flow's addresses cannot be, in one clause; null if they can. */
export function flowFault(
  flow: FlowText,
): { readonly key: "src" | "dst"; readonly why: string } | null {
  for (const key of ["src", "dst"] as const) {
    if (!ipaddr.IPv4.isValidFourPartDecimal(flow[key]) && !ipaddr.IPv6.isValid(flow[key])) {
      return { key, why: "accepted is an IPv4 or IPv6 address" };
    }
  }
  if (ipaddr.parse(flow.src).kind() !== ipaddr.parse(flow.dst).kind()) {
    return { key: "dst", why: "accepted is an address of the same family as src" };
  }
  return null;
}

/**
 * The flow as a rule holds it; `flowFault` must have passed it.
 *
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const flow = { proto: "udp", src: "fd00::1", sport: 53, dst: "fd00::2", dport: 5353 } as const;
 * assert.equal(flowFault(flow), null);
 * assert.equal(flowSpec(flow).type, "udp6");
 * assert.deepEqual(flowText(flowSpec(flow)), flow);
 * ```
 */
export function flowSpec(flow: FlowText): FlowSpec {
  const family = ipaddr.parse(flow.src).kind() === "ipv4" ? 4 : 6;
  return {
    type: `${flow.proto}${family}`,
    source: words(flow.src),
    destination: words(flow.dst),
    sourcePort: flow.sport,
    destinationPort: flow.dport,
  };
}

/** The flow as people write it. */
export function flowText(flow: FlowSpec): FlowText {
  return {
    proto: flow.type.startsWith("tcp") ? "tcp" : "udp",
    src: address(flow.source),
    sport: flow.sourcePort,
    dst: address(flow.destination),
    dport: flow.destinationPort,
  };
}

function words(text: string): number[] {
  const bytes = Uint8Array.from(ipaddr.parse(text).toByteArray());
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(index * 4));
}

function address(words: readonly number[]): string {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => view.setUint32(index * 4, word));
  return ipaddr.fromByteArray([...bytes]).toString();
}
