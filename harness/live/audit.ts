/**
 * Compares what client and server counted over the whole run. Every connection was drained, so
 * over TCP the two must agree exactly; a run in which they do not is void. Pure.
 *
 * @module
 */

import type { GroupResult } from "./session.ts";

/** A sentence about the first disagreement of a group, or null. */
export function disagreement({ group, client, server }: GroupResult): string | null {
  const pairs: readonly (readonly [string, number, number])[] = group.test.startsWith("TCP")
    ? [
      ["transactions", client.total.transactions, server.total.transactions],
      ["bytes from client to server", client.total.bytesOut, server.total.bytesIn],
      ["bytes from server to client", client.total.bytesIn, server.total.bytesOut],
    ]
    : [];
  for (const [what, clientCount, serverCount] of pairs) {
    if (clientCount === serverCount) continue;
    return `Group "${group.name}": the client counted ${clientCount} ${what}, ` +
      `the server ${serverCount}; this run is void`;
  }
  const { transactions, timeouts, datagramsOut } = client.total;
  if (group.test === "UDP_RR" && transactions + timeouts !== datagramsOut) {
    return `Group "${group.name}": ${datagramsOut} requests were sent, but ${transactions} were ` +
      `answered and ${timeouts} given up; this run is void`;
  }
  return null;
}
