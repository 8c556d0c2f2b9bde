/**
 * The client side of a group: its flows, the source of its requests and, in open loop, the pacer.
 *
 * Timers fire about 2 ms late, so the pacer polls the clock once per turn of the event loop
 * instead. The price: a client thread that is always busy, and answers that wait for one of the
 * turns (some 60, about 1 us each) in which the runtime looks at the sockets.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { WorkloadGroup } from "../spec.ts";
import type { Endpoint, Fail, Flow, Meter } from "./endpoint.ts";
import type { EndpointSetup } from "./messages.ts";
import { ClosedSource, type LoadSource, OpenSource } from "./source.ts";
import { TcpCrrFlow, TcpRrFlow, TcpStreamFlow } from "./tcp_flows.ts";
import { UdpRrFlow, UdpStreamFlow } from "./udp_flows.ts";

/** Client endpoint of one group. */
export class Client implements Endpoint {
  readonly #setup: Extract<EndpointSetup, { role: "client" }>;
  readonly #meter: Meter;
  readonly #fail: Fail;
  readonly #source: LoadSource;
  readonly #flows: readonly Flow[];
  #runs: Promise<void>[] = [];
  #stopped = false;
  #nextFlow = 0;

  constructor(setup: Extract<EndpointSetup, { role: "client" }>, meter: Meter, fail: Fail) {
    this.#setup = setup;
    this.#meter = meter;
    this.#fail = fail;
    const { group } = setup;
    this.#source = group.arrival.loop === "open"
      ? new OpenSource(group.arrival, setup.seed)
      : new ClosedSource();
    this.#flows = Array.from({ length: group.connections }, () => this.#makeFlow(group));
  }

  async open(): Promise<number> {
    for (const flow of this.#flows) await flow.connect(this.#setup.port);
    return 0;
  }

  go(): void {
    this.#runs = this.#flows.map((flow) => flow.run().catch(this.#fail));
    if (this.#source instanceof OpenSource) this.#pace(this.#source);
  }

  async drain(): Promise<void> {
    this.#stopped = true;
    this.#source.stop();
    for (const flow of this.#flows) flow.stop();
    await Promise.all(this.#runs);
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  waiting(): number {
    return this.#source instanceof OpenSource ? this.#source.waiting : 0;
  }

  #makeFlow(group: WorkloadGroup): Flow {
    switch (group.test) {
      case "TCP_RR":
        return new TcpRrFlow(group, this.#source, this.#meter);
      case "TCP_CRR":
      case "TCP_CC":
        return new TcpCrrFlow(group, this.#source, this.#meter);
      case "TCP_STREAM":
      case "TCP_MAERTS":
      case "TCP_SENDFILE":
        return new TcpStreamFlow(group, this.#meter);
      case "UDP_RR":
        return new UdpRrFlow(group, this.#source, this.#meter, this.#setup.udpTimeoutMs);
      case "UDP_STREAM":
        return new UdpStreamFlow(group, this.#meter);
      case "XDP_DROP":
      case "XSK_TX":
        throw new Error(`A live target refuses ${group.test}`);
    }
  }

  #pace(source: OpenSource): void {
    source.start(performance.now());
    const poll = () => {
      if (this.#stopped) return;
      const nowMs = performance.now();
      this.#meter.total.arrivals += source.advance(nowMs);
      if (source.waiting > 0) this.#kickFlows(source, nowMs);
      setImmediate(poll);
    };
    poll();
  }

  /** Offers due requests to the flows in turn; those that find no room stay in the backlog. */
  #kickFlows(source: OpenSource, nowMs: number): void {
    const flowCount = this.#flows.length;
    for (let tried = 0; tried < flowCount && source.waiting > 0; tried += 1) {
      this.#flows[this.#nextFlow]?.kick(nowMs);
      this.#nextFlow = (this.#nextFlow + 1) % flowCount;
    }
  }
}
