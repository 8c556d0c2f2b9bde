/**
 * Adaptive moderation and the bus, function by function at their bounds, on machine.wasm and by a
 * model: the size rule and the update of a container as i40e_update_itr has them (core/machine's
 * MODEL.md), and the time of a read over PCI Express.
 *
 * @module
 */

import { COST_NUMBERS } from "../../../harness/machine/costs.ts";
import { type Inside, insideTrial } from "./inside.ts";
import { fieldsOf, RecordAt } from "./layout.ts";

const CONTAINER = fieldsOf("queue", "Container");
const QUEUE = fieldsOf("queue", "Queue");
const LATENCY = 0x8000;
const [MIN_USECS, MAX_USECS, STEP] = [2, 126, 2];
const interval = (word: number) => word & 0x1ffe;

/** Bounds of the size rule and what is beside them; link speeds and theirs. */
const BYTES = [0, 1, 59, 60, 61, 62, 100, 379, 380, 381, 1000, 1083, 1084, 1085, 1500, 1979, 1980]
  .concat([1981, 1982, 9000, 65536]);
const GBPS = [1, 9, 10, 11, 19, 20, 21, 39, 40, 41, 100];

function bySize(mode: number, bytes: number, gbps: number): number {
  const weights = [
    [60, 0, 4096],
    [380, 40, 1696],
    [1084, 15, 11452],
    [1980, 5, 22420],
  ] as const;
  const found = weights.find(([most]) => bytes <= most);
  const weight = found === undefined ? 32256 : bytes * found[1] + found[2];
  const divisor = gbps >= 40 ? 2048 : gbps >= 20 ? 1024 : gbps >= 10 ? 512 : 64;
  const steps = Math.ceil((mode === 0 ? weight : Math.floor(weight / 2)) / divisor);
  return mode | Math.min(2 * steps, MAX_USECS);
}

const sizeRule = insideTrial("the interval by the size of frames", "model", (inside) => {
  for (const mode of [0, LATENCY]) {
    for (const bytes of BYTES) {
      for (const gbps of GBPS) {
        inside.is(bySize(mode, bytes, gbps), "adaptive_itr/intervalBySize", mode, bytes, gbps);
      }
    }
  }
});

interface Side {
  readonly target: number;
  readonly current: number;
  readonly packets: number;
  readonly bytes: number;
}

/** New target of one side, and what the update leaves of its latency flag before. */
function nextOf(isRx: boolean, rx: Side, tx: Side, gbps: number): number {
  const { packets, bytes, target } = isRx ? rx : tx;
  const relaxed = (isRx ? MIN_USECS : MAX_USECS) | LATENCY;
  let own = target;
  if (isRx) {
    if (packets > 0 && packets < 4 && bytes < 9000 && (tx.target & LATENCY) !== 0) {
      return bySize(LATENCY, Math.floor(bytes / packets), gbps);
    }
  } else if (packets < 4) {
    if (tx.target === MAX_USECS && interval(rx.target) === MAX_USECS) return relaxed;
  } else if (packets > 32) own &= ~LATENCY;
  if (packets < 56) {
    const longer = own + STEP;
    return interval(longer) > MAX_USECS ? (longer & LATENCY) | MAX_USECS : longer;
  }
  const shorter = interval(Math.min(tx.current, rx.current));
  if (packets <= 112) return shorter;
  if (packets <= 256) return Math.max(interval(shorter >> 1), MIN_USECS);
  return bySize(0, Math.floor(bytes / packets), gbps);
}

const PACKETS = [0, 1, 3, 4, 5, 31, 32, 33, 55, 56, 57, 111, 112, 113, 255, 256, 257, 1000];
const WORDS = [2, 4, 50, 122, 124, 126, 2 | LATENCY, 124 | LATENCY, 126 | LATENCY];

/** The two containers of a queue pair. */
function containersOf({ machine: { memory, constants } }: Inside, queue: number) {
  const at = constants.QUEUE_TABLE + queue * constants.QUEUE_BYTES;
  return (["rx0", "tx0"] as const)
    .map((side) => new RecordAt(memory, at + QUEUE.get(side)!.at, CONTAINER)) as [
      RecordAt,
      RecordAt,
    ];
}

const update = insideTrial("the update of a container", "model", (inside) => {
  const [rx, tx] = containersOf(inside, 3);
  let turn = 0;
  for (const packets of PACKETS) {
    for (const own of WORDS) {
      for (const other of WORDS) {
        for (const isRx of [true, false]) {
          turn++;
          const bytes = [60, 1, 8999, 9000, 9001, packets * 1500, packets * 64][turn % 7]!;
          const side = (isOwn: boolean): Side => ({
            target: isOwn ? own : other,
            current: WORDS[(turn + (isOwn ? 1 : 5)) % WORDS.length]!,
            packets: isOwn ? packets : 7,
            bytes: isOwn ? bytes : 700,
          });
          const sides = [side(isRx), side(!isRx)] as const;
          const jiffy = 100 + turn % 3;
          const countdown = turn % 11 === 0 ? 1 : 0;
          const adaptive = turn % 13 === 0 ? 0 : 1;
          const state = { adaptive, nextUpdate: 101 };
          rx.set({ ...sides[0], ...state });
          tx.set({ ...sides[1], ...state });
          const gbps = GBPS[turn % GBPS.length]!;
          inside.call(
            "adaptive_itr/updateContainer",
            ...[isRx ? 1 : 0, rx.address, tx.address, countdown, BigInt(jiffy), gbps],
          );
          const isFresh = jiffy <= 101;
          const relaxed = (isRx ? MIN_USECS : MAX_USECS) | LATENCY;
          const next = countdown === 0 ? nextOf(isRx, ...sides, gbps) : own;
          const expected = adaptive === 0
            ? [own, 101, packets, bytes]
            : [isFresh ? next : relaxed, jiffy + 1, 0, 0];
          const found = isRx ? rx : tx;
          const fields = ["target", "nextUpdate", "packets", "bytes"];
          const what = JSON.stringify({ isRx, sides, jiffy, countdown, gbps });
          inside.same(fields.map((name) => found.get(name)), expected, what);
        }
      }
    }
  }
});

const reads = insideTrial("reads over PCI Express", "model", (inside) => {
  const { calls } = inside;
  for (const [mbps, payload, read] of [[8000, 256, 512], [7000, 128, 256], [0, 0, 0]] as const) {
    calls.costSet(COST_NUMBERS["pcie_mbps"]!, mbps);
    calls.costSet(COST_NUMBERS["pcie_payload_bytes"]!, payload);
    calls.costSet(COST_NUMBERS["pcie_read_bytes"]!, read);
    calls.nicSet(10, 8, 512, 0);
    // Ticks of 0.1 ns, in 2^-16 parts.
    const perByte = mbps === 0 ? 0n : (80000n << 16n) / BigInt(mbps);
    let [toHost, toDevice] = [0n, 0n];
    for (const bytes of [1, 16, 127, 128, 129, 255, 256, 257, 511, 512, 513, 4096, 9000]) {
      const [pieces, requests] = [payload, read].map((most) =>
        Math.ceil(bytes / Math.max(1, most))
      );
      toHost += BigInt(requests! * 24) * perByte;
      toDevice += BigInt(bytes + pieces! * 20) * perByte;
      inside.is(Number((toHost >> 16n) + (toDevice >> 16n)), "pcie/pcieRead", bytes);
    }
  }
});

/** The trials. */
export const MODERATION_TRIALS = [sizeRule, update, reads];
