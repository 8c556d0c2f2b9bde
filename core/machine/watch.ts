// deno-fmt-ignore-file
// What an onlooker may ask while a run goes on: how far it is, what is under way, its trace.
// Nothing here changes a run.

export { eventsTaken, pendingEvents } from "../lib/wheel";
export { packetsTaken, packetsUsed } from "./abi";
export { flowProgress } from "./half_connection";
export { traceStart, traceStop, traceTake } from "./trace";
export { rxHeld } from "./write_back";
