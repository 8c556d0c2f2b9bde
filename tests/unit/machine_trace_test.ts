/**
 * The trace of a run: it shows what the measurement counts, and it never changes the run.
 *
 * @module
 */

import assert from "node:assert/strict";
import { entriesOf } from "../../harness/machine/trace.ts";
import { type ChromeEvent, chromeEvents } from "../../harness/machine/trace_format.ts";
import type { Measurement } from "../../harness/record.ts";
import { inFolder, lab } from "./lab_io.ts";
import { groupOf, loadModules, type SmallRun, startRun, withCosts, X710 } from "./machine_runs.ts";

const modules = await loadModules();
const CPUS = 1;
const QUEUES = 2;
const NO_LIMIT = 1e9;

/** All tests side by side on rings that overflow, with sleep states that differ. */
const BUSY: SmallRun = {
  groups: [
    groupOf({ test: "TCP_RR", connections: 3 }),
    groupOf({ test: "TCP_CRR", connections: 3, hint: "LATENCY" }),
    groupOf({ test: "TCP_STREAM", connections: 4 }),
    groupOf({ test: "TCP_MAERTS", connections: 2 }),
    groupOf({ test: "UDP_RR", connections: 2 }),
    groupOf({ test: "UDP_STREAM", connections: 8, message_bytes: 4000, service_ns: 20_000 }),
  ],
  machine: withCosts({ ...X710, nic: { ...X710.nic, ring: 64 } }, {
    rx_packet_ns: 3000,
    udp_buffer_bytes: 60_000,
  }),
  policy: "MIX",
  warmupMs: 1,
  measureMs: 4,
};
/** Little to do: CPUs sleep. */
const QUIET: SmallRun = { groups: [groupOf({ test: "UDP_RR" })], warmupMs: 1, measureMs: 4 };

function measure(run: SmallRun, traceLimit?: number) {
  const options = traceLimit === undefined ? run : { ...run, traceLimit };
  const model = startRun(modules, options);
  while (!model.advance(5000));
  return { measured: model.measurement(), trace: model.trace() };
}

function eventsOf(run: SmallRun): { measured: Measurement; events: ChromeEvent[] } {
  const { measured, trace } = measure(run, NO_LIMIT);
  const machine = run.machine ?? X710;
  const traced = { runId: "test", workload: { groups: run.groups }, machine };
  return { measured, events: chromeEvents(trace!, traced) };
}

const ns = (us: number | undefined) => Math.round((us ?? 0) * 1000);
const busy = eventsOf(BUSY);
const quiet = eventsOf(QUIET);

/** Number or sum over the events that match. */
function total(
  events: readonly ChromeEvent[],
  matches: (event: ChromeEvent) => boolean,
  value: (event: ChromeEvent) => number = () => 1,
): number {
  return events.filter(matches).reduce((sum, event) => sum + value(event), 0);
}

Deno.test("frames that the link loses are drops of the trace as well", () => {
  const groups = [groupOf({ test: "TCP_RR", connections: 4 })];
  const machine = withCosts(X710, { loss_ppm: 10_000 });
  const { measured, events } = eventsOf({ groups, machine, warmupMs: 1, measureMs: 20 });
  const name = "drop: lost on link";
  const lost = total(events, (event) => event.name === name, ({ args }) => Number(args!["count"]));
  assert.ok(lost > 0);
  assert.equal(lost, measured.drops["lost_on_link"]);
});

Deno.test("a traced run is the same run, whether the trace is whole or cut", () => {
  for (const run of [BUSY, QUIET]) {
    const plain = measure(run);
    assert.equal(plain.trace, null);
    for (const limit of [NO_LIMIT, 1000]) {
      assert.deepEqual(measure(run, limit).measured, plain.measured);
    }
  }
});

Deno.test("spans of a CPU neither overlap nor leave a gap, and time never goes back", () => {
  for (const { events } of [busy, quiet]) {
    const ends = new Map<string, number>();
    const floats = new Map<string, number>();
    const last = new Map<string, number>();
    for (const event of events.filter(({ ph }) => ph !== "M")) {
      const track = `${event.pid} ${event.tid}`;
      assert.ok(event.ts! >= (last.get(track) ?? 0), `${track}: ${event.ts} goes back`);
      last.set(track, event.ts!);
      if (event.ph !== "X") continue;
      assert.ok(event.dur! > 0);
      const from = ns(event.ts);
      const end = ends.get(track) ?? (event.pid === CPUS ? 1e6 : from);
      if (event.pid === CPUS) assert.equal(from, end, `${track} at ${event.ts} us`);
      else assert.ok(from >= end, `${track}: spans overlap at ${event.ts} us`);
      ends.set(track, from + ns(event.dur));
      // As viewers add it up, in floating point.
      const over = floats.get(track) ?? 0;
      assert.ok(event.ts! > over, `${track}: ${over} us is not before ${event.ts}`);
      floats.set(track, event.ts! + event.dur!);
    }
    for (let cpu = 0; cpu < 8; cpu++) assert.equal(ends.get(`${CPUS} ${cpu + 1}`), 5e6);
  }
});

Deno.test("spans add up to the CPU times that are measured", () => {
  for (const { measured, events } of [busy, quiet]) {
    for (const { cpu, ...times } of measured.cpus) {
      for (const cat of ["user", "system", "irq", "softirq", "idle"] as const) {
        const on = (event: ChromeEvent) =>
          event.ph === "X" && event.pid === CPUS && event.tid === cpu + 1 && event.cat === cat;
        const traced = total(events, on, ({ dur }) => ns(dur));
        // Ends of spans are rounded to nanoseconds.
        const slack = total(events, on) + 1;
        assert.ok(Math.abs(traced - times[`${cat}_ns`]) <= slack, `CPU ${cpu}, ${cat}: ${traced}`);
      }
    }
  }
});

Deno.test("interrupts, polls, frames and drops of the trace are those that are measured", () => {
  const { measured, events } = busy;
  for (const { queue, interrupts, polls, rx_packets: frames } of measured.queues) {
    const on = (event: ChromeEvent) => event.pid === QUEUES && event.tid === queue + 1;
    assert.equal(total(events, (event) => on(event) && /^interrupt/.test(event.name)), interrupts);
    const poll = (event: ChromeEvent) => on(event) && event.name === "poll";
    // One poll may be under way at each end of the interval.
    assert.ok(Math.abs(total(events, poll) - polls) <= 1, `queue ${queue}: ${polls} polls`);
    const taken = total(events, poll, ({ args }) => Number(args!["frames"] ?? 0));
    assert.ok(Math.abs(taken - frames) <= 64, `queue ${queue}: ${taken} of ${frames} frames`);
  }
  const dropped = (cause: string) =>
    total(events, ({ name }) => name === `drop: ${cause}`, ({ args }) => Number(args!["count"]));
  assert.ok(Object.keys(measured.drops).length === 3);
  assert.equal(dropped("ring full"), measured.drops["ring_full"]);
  assert.equal(dropped("socket buffer full"), measured.drops["socket_buffer_full"]);
  assert.equal(dropped("fragment missing"), measured.drops["fragment_missing"] ?? 0);
});

Deno.test("every wake-up is an arrow from its CPU to where the thread runs, or a mark", () => {
  const { events } = busy;
  const starts = events.filter(({ ph }) => ph === "s");
  const finishes = new Map(events.filter(({ ph }) => ph === "f").map((event) => [event.id, event]));
  assert.ok(starts.length > 100, `${starts.length} wake-ups`);
  assert.equal(finishes.size, starts.length);
  for (const start of starts) {
    const finish = finishes.get(start.id)!;
    assert.ok(finish.ts! >= start.ts!);
    assert.deepEqual(finish.args, start.args);
    const runs = events.some(({ ph, ts, tid, name }) =>
      ph === "X" && ts === finish.ts && tid === finish.tid && /^(context|system|user)/.test(name)
    );
    assert.ok(runs, `nothing begins at ${finish.ts} us on CPU ${finish.tid - 1}`);
  }
});

Deno.test("all that a CPU does has a name, and leaving an idle state tells which", () => {
  const names = new Set(
    [...busy.events, ...quiet.events].flatMap(({ ph, name }) => ph === "X" ? [name] : []),
  );
  for (const name of names) assert.match(name, /^[a-z]+( [a-zC]+[16]?E?)*( [a-z]+)?$/);
  for (
    const name of ["idle", "exit C1", "irq", "softirq entry", "softirq frames", "softirq tx clean"]
      .concat(["softirq gro flush", "softirq napi complete", "context switch", "user", "system"])
  ) assert.ok(names.has(name), `${name} among ${[...names].join(", ")}`);
});

Deno.test("counters show throttling and rings of each queue", () => {
  const { events, measured } = busy;
  for (const { queue, itr_rx_usecs: rx, itr_tx_usecs: tx } of measured.queues) {
    const values = events.filter(({ name }) => name === `queue ${queue} itr us`);
    assert.deepEqual(values.at(-1)?.args, { rx, tx });
    const fills = events.filter(({ name }) => name === `queue ${queue} ring frames`);
    for (const { args } of fills) assert.ok(Number(args!["rx"]) <= 64);
  }
});

Deno.test("a trace ends at its limit and says so", () => {
  const { trace } = measure(BUSY, 500);
  assert.equal([...entriesOf(trace!)].length, 500);
  assert.equal(trace!.isCut, true);
  assert.ok(trace!.untilNs > 1e6 && trace!.untilNs < 5e6);
  assert.equal(measure(BUSY, NO_LIMIT).trace!.isCut, false);
});

const RR = ["bench", "--target", "model", "--workload", "rr", "--duration", "10ms", "--out", "out"];

Deno.test("bench --trace writes one JSON document of the run", async () => {
  await inFolder(async (cwd) => {
    const one = [...RR, "--policy", "LATENCY", "--seeds", "1", "--quiet"];
    const { code, out, err } = await lab([...one, "--trace", "trace.json"], { cwd });
    assert.equal(err, "");
    assert.equal(code, 0);
    assert.match(out, /^Trace {4}trace\.json: all 10\.00 ms after the warm-up$/m);
    const text = await Deno.readTextFile(`${cwd}/trace.json`);
    const { traceEvents, otherData } = JSON.parse(text);
    assert.equal(otherData.run_id, "rr/model/netpolicy/LATENCY/1");
    assert.equal(otherData.cut, false);
    const threads = traceEvents.filter(({ name }: ChromeEvent) => name === "thread_name");
    assert.equal(threads.length, 8 + 8 + 1);
    assert.ok(traceEvents.length > 1000);
    const json = await lab([...one, "--json", "--trace", "trace.json"], { cwd });
    assert.equal(JSON.parse(json.out).trace_file, "trace.json");
  });
});

Deno.test("bench --trace refuses more runs than one, other targets, and a file it cannot write", async () => {
  await inFolder(async (cwd) => {
    const trace = ["--trace", "trace.json"];
    const many = await lab([...RR, "--policy", "NONE,MIX", "--seeds", "2", ...trace], { cwd });
    assert.equal(many.code, 2);
    assert.match(many.err, /Cannot trace 4 runs: a trace is of one run on the model, such as/);
    const mock = ["bench", "--target", "mock", "-w", "rr", "-p", "NONE", "-s", "1", ...trace];
    const other = await lab(mock, { cwd });
    assert.equal(other.code, 2);
    assert.match(other.err, /Cannot trace a run on target mock/);
    const one = [...RR, "--policy", "NONE", "--seeds", "1"];
    const lost = await lab([...one, "--trace", "no/such/trace.json"], { cwd });
    assert.equal(lost.code, 2);
    assert.match(lost.err, /Cannot write ".*no\/such\/trace\.json"/);
    assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name), []);
  });
});
