/**
 * Entry of an endpoint's thread: makes the endpoint that the first message asks for and takes it
 * through the steps of a run. All faults leave as one `failed` message; nothing is thrown.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import { Client } from "./client.ts";
import { clockCost } from "./clock.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ClockCost, EndpointCommand, EndpointReply, EndpointSetup } from "./messages.ts";
import { Tally } from "./tally.ts";
import { TcpServer } from "./tcp_server.ts";
import { UdpServer } from "./udp_server.ts";

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<EndpointSetup | EndpointCommand>) => void) | null;
  postMessage(reply: EndpointReply): void;
}

const scope = globalThis as unknown as WorkerScope;
const tally = new Tally();
let endpoint: Endpoint | undefined;
let clock: ClockCost = { readNs: 0, stepNs: 0 };
let waiting = 0;

function fail(error: unknown): void {
  // Each connect takes a client port, which stays taken for a while after the close.
  const portsExhausted = error instanceof Deno.errors.AddrNotAvailable;
  scope.postMessage({
    kind: "failed",
    refused: portsExhausted || error instanceof Deno.errors.NotCapable,
    message: portsExhausted
      ? "the host ran out of client ports: run for a shorter time or with fewer connections"
      : sentenceOf(error),
  });
}

function sentenceOf(error: unknown): string {
  const isCut = error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe;
  const message = messageOf(error);
  return isCut ? `the other side closed the connection (${message})` : message;
}

function make(setup: EndpointSetup): Endpoint {
  if (setup.role === "client") return new Client(setup, tally, fail);
  const Server = setup.group.test.startsWith("UDP") ? UdpServer : TcpServer;
  return new Server(setup.group, setup.faults, tally, fail);
}

function finish(): void {
  scope.postMessage({ kind: "done", result: tally.result({ waiting, clock }) });
}

async function step(message: EndpointSetup | EndpointCommand): Promise<void> {
  if (message.kind === "setup") {
    endpoint = make(message);
    clock = clockCost();
    scope.postMessage({ kind: "ready", port: await endpoint.open() });
    return;
  }
  if (endpoint === undefined) throw new Error(`Message '${message.kind}' came before 'setup'.`);
  switch (message.kind) {
    case "go":
      return endpoint.go();
    case "measure":
      return tally.open(performance.now());
    case "freeze":
      tally.close(performance.now());
      waiting = endpoint.waiting();
      return scope.postMessage({ kind: "frozen" });
    case "drain":
      await endpoint.drain();
      if (endpoint instanceof Client) finish();
      return;
    case "finish":
      await endpoint.finish();
      return finish();
  }
}

scope.onmessage = (event) => {
  step(event.data).catch(fail);
};
