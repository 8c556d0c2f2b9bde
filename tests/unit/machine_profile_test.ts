/**
 * The profile by kind of event: counts are exact, times follow from what the clock says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { PROJECT_ROOT } from "../../harness/build.ts";
import { CPU_EVENT, CPU_KINDS, EVENT_KINDS } from "../../harness/machine/event_kinds.ts";
import { addSamples, profileOf, type ProfileSamples } from "../../harness/machine/profile.ts";
import { inFolder, lab } from "./lab_io.ts";
import { groupOf, loadModules, runToEnd, type SmallRun, startRun } from "./machine_runs.ts";

const modules = await loadModules();
const RUN: SmallRun = {
  groups: [groupOf({ test: "TCP_RR", connections: 8 }), groupOf({ test: "TCP_STREAM" })],
};

Deno.test("every kind of event has the name of its constant", async () => {
  const text = await Deno.readTextFile(new URL("core/machine/abi.ts", PROJECT_ROOT));
  const constants = [...text.matchAll(/^export const EV_(\w+): u32 = (\d+);$/gm)]
    .map(([, name, number]) => [number!, name!.toLowerCase()]);
  assert.ok(constants.length >= 18);
  assert.deepEqual(Object.entries(EVENT_KINDS), constants.sort(([one], [two]) => +one! - +two!));
});

Deno.test("a profiled run is the same run, and every event of the interval is counted once", () => {
  let ms = 0;
  const model = startRun(modules, { ...RUN, clock: () => ms += 0.001 });
  while (!model.advance(5000));
  const measured = model.measurement();
  assert.deepEqual(measured, runToEnd(modules, RUN));
  const profile = profileOf(model.profile()!);
  assert.equal(profile.events, measured.events);
  const events = (kind: string) => profile.kinds.find((each) => each.kind === kind)?.events;
  const interrupts = measured.interrupts!.count;
  assert.ok(Math.abs(events("msix")! - interrupts) <= 8, `${events("msix")} of ${interrupts}`);
  assert.ok(Math.abs(events("cpu: hard irq")! - interrupts) <= 8);
  const frames = measured.queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
  assert.equal(events("softirq: frame"), frames);
  assert.equal(events(EVENT_KINDS[CPU_EVENT]!), undefined, "told apart by what the CPU did");
  const names = new Set([...Object.values(EVENT_KINDS), ...Object.values(CPU_KINDS)]);
  for (const { kind } of profile.kinds) assert.ok(names.has(kind), `${kind} has a name`);
});

/** 300 events of kind 1 and 100 of kind 2, of which some were timed; slices took 80 us. */
const SAMPLES: ProfileSamples = {
  runs: 1,
  sliceEvents: 400,
  sliceMs: 0.08,
  kindCount: 3,
  counts: [0, 300, 100],
  times: [[], [0.0003, 0.0003], [0.0007]],
  idleTimes: [0.0002, 0.0002],
};

Deno.test("costs are what single events take above an idle call, scaled to the time of slices", () => {
  const { wall_ns, events_per_second, kinds } = profileOf(SAMPLES);
  assert.equal(wall_ns, 80_000);
  assert.equal(Math.round(events_per_second), 5_000_000);
  // 100 and 500 ns above the idle call: 30 and 50 us of 80, a cost as measured.
  const shown = kinds.map(({ kind, events, time_share, event_ns, samples }) =>
    [kind, events, time_share!.toFixed(3), event_ns!.toFixed(0), samples].join(" ")
  );
  assert.deepEqual(shown, ["peer_link 100 0.625 500 1", "rx 300 0.375 100 2"]);
});

Deno.test("runs add up, and one long sample of a hundred does not count", () => {
  const times = [[], [...Array(99).fill(0.0003), 5], [0.0007]];
  const profile = profileOf(addSamples([SAMPLES, { ...SAMPLES, times }]));
  assert.equal(profile.runs, 2);
  assert.equal(profile.events, 800);
  assert.deepEqual(profile.kinds.map(({ event_ns }) => event_ns!.toFixed(0)), ["500", "100"]);
  const none = profileOf({ ...SAMPLES, times: [[], [], []], idleTimes: [], sliceEvents: 0 });
  assert.deepEqual(none.kinds.map(({ time_share }) => time_share), [null, null]);
});

Deno.test("bench --profile prints a table by kind of event, and the same as JSON", async () => {
  await inFolder(async (cwd) => {
    const bench = ["bench", "--target", "model", "--workload", "rr", "--policy", "NONE,LATENCY"]
      .concat([
        "--seeds",
        "1",
        "--duration",
        "20ms",
        "--out",
        "out",
        "--workers",
        "1",
        "--quiet",
        "--profile",
      ]);
    const { code, out } = await lab(bench, { cwd });
    assert.equal(code, 0);
    assert.match(out, /^Profile of 2 runs: [\d,]+ events, \d+\.\d\d million a second$/m);
    assert.match(out, /^cpu: thread +[\d,]+ +\d+\.\d +\d+\.\d +\d+ +[\d,]+$/m);
    assert.match(out, /^Counts are exact; times are estimated/m);
    const { profile } = JSON.parse((await lab([...bench, "--json"], { cwd })).out);
    assert.equal(profile.runs, 2);
    const shares = profile.kinds.reduce(
      (sum: number, { time_share }: { time_share: number | null }) => sum + (time_share ?? 0),
      0,
    );
    assert.ok(Math.abs(shares - 1) < 1e-9);
    const mock = await lab(["bench", "--target", "mock", "--workload", "rr", "--profile"], { cwd });
    assert.equal(mock.code, 2);
    assert.match(mock.err, /Cannot profile: no run is on the model; take --target model/);
  });
});
