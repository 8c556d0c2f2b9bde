/**
 * The harness's side of one endpoint thread: starts it, asks it one thing at a time, hears its
 * failure, ends it. Knows nothing of tests or policies.
 *
 * @module
 */

import { EXIT, UserError } from "../errors.ts";
import type { EndpointCommand, EndpointReply, EndpointSetup } from "./messages.ts";

type ReplyOf<Kind extends EndpointReply["kind"]> = Extract<EndpointReply, { kind: Kind }>;

/** One endpoint in its own Web Worker. */
export class EndpointWorker {
  /** For messages: `client of group "rr"`. */
  readonly name: string;
  readonly #worker: Worker;
  readonly #failed = Promise.withResolvers<never>();
  #expected: { kind: string; resolve: (reply: EndpointReply) => void } | null = null;

  constructor(name: string) {
    this.name = name;
    // A failure between two questions is heard by the next one.
    this.#failed.promise.catch(() => {});
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name });
    this.#worker.onmessage = (event: MessageEvent<EndpointReply>) => this.#hear(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failed.reject(new Error(`The thread of the ${name} ended: ${event.message}`));
    };
  }

  /** Rejects when the endpoint fails; never resolves. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** true while a question is unanswered. */
  get isBusy(): boolean {
    return this.#expected !== null;
  }

  /** Says something that has no answer. */
  tell(command: EndpointCommand): void {
    this.#worker.postMessage(command);
  }

  /** Says something and waits for the answer of the given kind; one question at a time. */
  ask<Kind extends EndpointReply["kind"]>(
    message: EndpointSetup | EndpointCommand,
    kind: Kind,
  ): Promise<ReplyOf<Kind>> {
    if (this.#expected !== null) throw new Error(`The ${this.name} was asked twice at once`);
    return new Promise((resolve) => {
      this.#expected = { kind, resolve: (reply) => resolve(reply as ReplyOf<Kind>) };
      this.#worker.postMessage(message);
    });
  }

  /** Ends the thread, which closes its sockets. */
  terminate(): void {
    this.#worker.terminate();
  }

  #hear(reply: EndpointReply): void {
    if (reply.kind === "failed") {
      const exitCode = reply.refused ? EXIT.refused : EXIT.fault;
      const message = `The ${this.name} failed: ${reply.message}`;
      this.#failed.reject(new UserError(message, { exitCode }));
      return;
    }
    if (this.#expected?.kind !== reply.kind) return;
    const { resolve } = this.#expected;
    this.#expected = null;
    resolve(reply);
  }
}
