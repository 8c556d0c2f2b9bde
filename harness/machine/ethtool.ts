/**
 * `ethtool` on the model's device: typed calls by the names of its options, answered as the i40e
 * driver answers: 0, or a negative error number. A refused call changes nothing.
 *
 * What a call does is in core/machine/ethtool.ts; here are only names and the options that the
 * driver does not support.
 *
 * @module
 */

import { ERRNO } from "../policy/errno.ts";
import type { MachineCalls, MachineWasm } from "./wasm.ts";

/** Not given: what is there stays. */
const KEEP = -1;
const ALL_QUEUES = -1;

/** Options of `ethtool -C` that i40e has; what is left out stays as it is. */
export interface CoalesceOptions {
  readonly adaptiveRx?: boolean;
  readonly adaptiveTx?: boolean;
  readonly rxUsecs?: number;
  readonly txUsecs?: number;
  /** Cap on the vector's rate (INTRL). */
  readonly rxUsecsHigh?: number;
  readonly txUsecsHigh?: number;
}

/** Options of `ethtool -C` that i40e refuses. */
export const UNSUPPORTED_COALESCE = [
  "rxFrames",
  "txFrames",
  "rxUsecsIrq",
  "txUsecsIrq",
  "rxUsecsLow",
  "txUsecsLow",
  "rxFramesLow",
  "txFramesLow",
  "rxFramesHigh",
  "txFramesHigh",
  "sampleInterval",
  "pktRateLow",
  "pktRateHigh",
  "statsBlockUsecs",
] as const;
type UnsupportedCoalesce = Partial<Record<typeof UNSUPPORTED_COALESCE[number], number>>;

/** What `ethtool -c` shows of a queue pair. */
export interface CoalesceState {
  readonly adaptiveRx: boolean;
  readonly adaptiveTx: boolean;
  readonly rxUsecs: number;
  readonly txUsecs: number;
  readonly rxUsecsHigh: number;
  readonly txUsecsHigh: number;
}

function flag(value: boolean | undefined): number {
  return value === undefined ? KEEP : Number(value);
}

/** `ethtool` for the one device of a machine. */
export class Ethtool {
  readonly #calls: MachineCalls;

  constructor(machine: MachineWasm) {
    this.#calls = machine.calls;
  }

  /** `ethtool -C`, for all queue pairs, or `--per-queue` for one. */
  setCoalesce(options: CoalesceOptions & UnsupportedCoalesce, queue: number = ALL_QUEUES): number {
    if (UNSUPPORTED_COALESCE.some((name) => options[name] !== undefined)) {
      return -ERRNO.EOPNOTSUPP;
    }
    const numbers = [options.rxUsecs, options.txUsecs, options.rxUsecsHigh, options.txUsecsHigh];
    return this.#calls.ethtoolCoalesce(
      queue,
      flag(options.adaptiveRx),
      flag(options.adaptiveTx),
      ...numbers.map((number) => number ?? KEEP),
    );
  }

  /** `ethtool -c`: of queue pair 0, as the driver reports it, or of one. Null: no such queue. */
  coalesce(queue: number = 0): CoalesceState | null {
    const calls = this.#calls;
    const high = calls.ethtoolUsecsHigh(queue);
    if (high < 0) return null;
    return {
      adaptiveRx: calls.ethtoolAdaptive(queue, 0) === 1,
      adaptiveTx: calls.ethtoolAdaptive(queue, 1) === 1,
      rxUsecs: calls.ethtoolUsecs(queue, 0),
      txUsecs: calls.ethtoolUsecs(queue, 1),
      rxUsecsHigh: high,
      txUsecsHigh: high,
    };
  }
}
