/**
 * The model against queueing theory, on machines whose other costs are nothing: waiting times of
 * M/M/1, M/D/1 and M/G/1, a closed network by mean value analysis, and on ordinary machines the
 * laws that hold whatever the distributions are.
 *
 * Each formula must lie in the 99 % interval of independent seeds, which must be narrow enough to
 * tell a wrong model.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Measurement } from "../../harness/record.ts";
import type { MachineSpec, ServiceDistribution } from "../../harness/spec.ts";
import { meanInterval } from "../../harness/stats/mean_interval.ts";
import {
  groupOf,
  loadModules,
  runToEnd,
  type SmallRun,
  withCosts,
  X710,
  XL710,
} from "../unit/machine_runs.ts";

const modules = await loadModules();
const SERVICE_NS = 10_000;
const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1);

/** Costs that must not be 0: limits and sizes. */
const KEPT =
  /_(hz|bytes|segments|percent|granularity_ns|credit_ns|limit_ns)$|^(retransmit|delayed_ack)_ns$/;

/** One CPU, one queue, no throttling; nothing takes time but the wire and the service. */
const SINGLE_SERVER: MachineSpec = {
  ...XL710,
  nic: {
    ...XL710.nic,
    queue_pairs: 1,
    node: 0,
    usecs: { ...XL710.nic.usecs, LATENCY: { rx: 0, tx: 0 } },
  },
  host: { nodes: [{ id: 0, cpus: [0] }], distance: [[10]], siblings: [] },
  costs: Object.fromEntries(
    Object.entries(XL710.costs).map(([name, value]) => [name, KEPT.test(name) ? value : 0]),
  ),
};

/** Mean latency that the model gives, less what a request takes that finds nobody before it. */
function waitsNs(load: number, distribution: ServiceDistribution, measureMs: number): number[] {
  const empty = latencyNs({
    groups: [groupOf({ test: "TCP_RR" })],
    machine: SINGLE_SERVER,
    policy: "LATENCY",
  });
  return SEEDS.map((seed) =>
    latencyNs({
      groups: [groupOf({
        test: "TCP_RR",
        outstanding: 256,
        service_ns: SERVICE_NS,
        service_distribution: distribution,
        arrival: {
          loop: "open",
          rate_per_second: load * 1e9 / SERVICE_NS,
          distribution: "poisson",
        },
      })],
      machine: SINGLE_SERVER,
      policy: "LATENCY",
      seed,
      warmupMs: measureMs / 10,
      measureMs,
    }) - empty - SERVICE_NS
  );
}

function latencyNs(run: SmallRun): number {
  return runToEnd(modules, run).groups[0]!.latency_ns!.mean;
}

/** The theory's value is in the interval, and the interval is at most `widthMax` of it wide. */
function agrees(theory: number, sample: readonly number[], widthMax: number): void {
  const { low, high } = meanInterval(sample, 0.99);
  const text = `theory ${theory.toFixed(1)}, model ${low.toFixed(1)} to ${high.toFixed(1)}`;
  assert.ok(low <= theory && theory <= high, text);
  assert.ok(high - low < widthMax * theory, `too wide to tell: ${text}`);
}

/** Pollaczek and Khinchine: mean waiting time from load and squared coefficient of variation. */
function pollaczekKhinchine(load: number, variation: number): number {
  return load * SERVICE_NS * (1 + variation) / (2 * (1 - load));
}

// The more a service varies, the longer it takes to tell.
for (
  const [name, distribution, variation, measureMs] of [
    ["M/D/1", "constant", 0, 200],
    ["M/M/1", "exponential", 1, 400],
    ["M/G/1 with lognormal service", "lognormal", Math.E - 1, 1000],
    ["M/G/1 with bimodal service", "bimodal", 2.25, 500],
  ] as const
) {
  Deno.test(`${name}: requests wait as long as Pollaczek and Khinchine say`, async (t) => {
    for (const load of [0.3, 0.6, 0.8]) {
      await t.step(`load ${load}`, () => {
        agrees(pollaczekKhinchine(load, variation), waitsNs(load, distribution, measureMs), 0.2);
      });
    }
  });
}

Deno.test("the intervals tell service that varies from service that does not", () => {
  const waits = waitsNs(0.6, "constant", 200);
  assert.throws(() => agrees(pollaczekKhinchine(0.6, 1), waits, 0.2), /theory 15000\.0, model 7/);
});

/** Throughput per ns of a closed network: queues with these demands, and clients that think. */
function meanValueAnalysis(
  clients: number,
  thinkNs: number,
  demandsNs: readonly number[] = [SERVICE_NS],
): number {
  const queues = demandsNs.map(() => 0);
  let rate = 0;
  for (let count = 1; count <= clients; count++) {
    const responses = demandsNs.map((demand, place) => demand * (1 + queues[place]!));
    rate = count / (thinkNs + responses.reduce((sum, response) => sum + response));
    responses.forEach((response, place) => queues[place] = rate * response);
  }
  return rate;
}

for (const [clients, thinkNs] of [[2, 10_000], [5, 50_000], [20, 200_000]] as const) {
  Deno.test(`${clients} clients with ${thinkNs} ns to think: rate by mean value analysis`, () => {
    const machine = withCosts(SINGLE_SERVER, { peer_turnaround_ns: thinkNs });
    const run = (connections: number, service: number, seed: number): Measurement =>
      runToEnd(modules, {
        groups: [groupOf({
          test: "TCP_RR",
          connections,
          service_ns: service,
          service_distribution: service > 0 ? "exponential" : "constant",
        })],
        machine,
        policy: "LATENCY",
        seed,
        warmupMs: 10,
        measureMs: 100,
      });
    // What the wire takes counts as thinking: nobody waits there.
    const away = run(1, 0, 1).groups[0]!.latency_ns!.mean;
    const rates = SEEDS.map((seed) => run(clients, SERVICE_NS, seed).groups[0]!.throughput.value);
    agrees(meanValueAnalysis(clients, away) * 1e9, rates, 0.02);
  });
}

/** Time that a message holds a link of 40 Gb/s: frames of 1448 bytes, and what goes with each. */
function wireNs(bytes: number): number {
  return (bytes + Math.ceil(bytes / 1448) * (66 + 24)) * 8 / 40;
}

/** Clients before a link of 40 Gb/s and a CPU; a lone one's time elsewhere, and runs of all. */
function networkOf(clients: number, thinkNs: number, service: number, responseBytes: number) {
  const requestBytes = 57_920;
  const machine = withCosts(SINGLE_SERVER, {
    peer_turnaround_ns: thinkNs,
    tcp_window_bytes: 1_000_000,
    initial_window_segments: 100,
  });
  const run = (connections: number, mean: number, seed: number) =>
    runToEnd(modules, {
      groups: [groupOf({
        test: "TCP_RR",
        connections,
        request_bytes: requestBytes,
        response_bytes: responseBytes,
        service_ns: mean,
        service_distribution: mean > 0 ? "exponential" : "constant",
      })],
      machine,
      policy: "LATENCY",
      seed,
      warmupMs: 5,
      measureMs: 40,
    }).groups[0]!;
  const links = [requestBytes, responseBytes].map(wireNs);
  // What a lone request takes beyond the links is spent where nobody waits.
  const awayNs = run(1, 0, 1).latency_ns!.mean - links[0]! - links[1]!;
  const found = SEEDS.map((seed) => run(clients, service, seed));
  for (const { throughput, latency_ns: latency } of found) {
    const inFlight = throughput.value * latency!.mean / 1e9;
    assert.ok(Math.abs(inFlight / clients - 1) < 0.02, `Little's law: ${inFlight} of ${clients}`);
    const busy = throughput.value * links[0]! / 1e9;
    assert.ok(busy < 1, `utilisation law: the link is busy for ${busy} of the time`);
  }
  const rates = found.map(({ throughput }) => throughput.value);
  return { rates, awayNs, demandsNs: [...links, service] };
}

// Connections take turns on the link to the host frame by frame, which shares it as Baskett,
// Chandy, Muntz and Palacios want it: messages of forty frames may all have the same length.
for (const [clients, thinkNs] of [[4, 20_000], [12, 150_000]] as const) {
  Deno.test(`${clients} clients, a link and a CPU: rate by mean value analysis`, () => {
    const { rates, awayNs, demandsNs } = networkOf(clients, thinkNs, 24_000, 1);
    agrees(meanValueAnalysis(clients, awayNs, demandsNs) * 1e9, rates, 0.03);
    // The interval is narrow enough to see that clients wait for each other on the link.
    const [link, back, service] = demandsNs as [number, number, number];
    const noWait = meanValueAnalysis(clients, awayNs + link + back, [service]);
    assert.throws(() => agrees(noWait * 1e9, rates, 0.03));
  });
}

// The way back sends each message as a whole, all of one length: less waiting than the analysis
// has, which is for lengths that vary, and never more than the busiest of the three can do.
Deno.test("8 clients, two links and a CPU: between mean value analysis and the bottleneck", () => {
  const { rates, awayNs, demandsNs } = networkOf(8, 20_000, 12_000, 57_920);
  const { low, high } = meanInterval(rates, 0.99);
  const analysis = meanValueAnalysis(8, awayNs, demandsNs) * 1e9;
  const bottleneck = 1e9 / Math.max(...demandsNs);
  assert.ok(analysis < low && high < bottleneck, `${analysis}, ${low} to ${high}, ${bottleneck}`);
  assert.ok(low < 1.2 * analysis, `not far from it: ${low}, ${analysis}`);
});

Deno.test("utilisation law: one server is busy for rate times work", () => {
  const busy = SEEDS.map((seed) => {
    const measured = runToEnd(modules, {
      groups: [groupOf({
        test: "TCP_RR",
        outstanding: 64,
        service_ns: SERVICE_NS,
        service_distribution: "exponential",
        arrival: { loop: "open", rate_per_second: 50_000, distribution: "poisson" },
      })],
      machine: SINGLE_SERVER,
      policy: "LATENCY",
      seed,
      measureMs: 200,
    });
    return measured.cpu_utilisation! / (measured.groups[0]!.throughput.value * SERVICE_NS / 1e9);
  });
  agrees(1, busy, 0.02);
});

Deno.test("flow balance: what is offered is done on ordinary machines, below saturation", () => {
  for (const machine of [X710, XL710]) {
    for (const rate of [20_000, 100_000]) {
      const rates = SEEDS.map((seed) =>
        runToEnd(modules, {
          groups: [groupOf({
            test: "UDP_RR",
            connections: 16,
            outstanding: 16,
            arrival: { loop: "open", rate_per_second: rate, distribution: "poisson" },
          })],
          machine,
          seed,
          measureMs: 100,
        }).groups[0]!.throughput.value
      );
      agrees(rate, rates, 0.05);
    }
  }
});

Deno.test("utilisation law: user time is rate times work on ordinary machines", () => {
  for (const policy of ["NONE", "LATENCY"] as const) {
    const shares = SEEDS.map((seed) => {
      const measured = runToEnd(modules, {
        groups: [groupOf({
          test: "TCP_RR",
          connections: 16,
          outstanding: 32,
          service_ns: 5000,
          service_distribution: "lognormal",
          arrival: { loop: "open", rate_per_second: 150_000, distribution: "poisson" },
        })],
        policy,
        seed,
        measureMs: 100,
      });
      const user = measured.cpus.reduce((sum, cpu) => sum + cpu.user_ns, 0);
      const each = 5000 + X710.costs["application_ns"]!;
      return user / (measured.groups[0]!.transactions * each);
    });
    agrees(1, shares, 0.05);
  }
});

Deno.test("Little's law: rate times latency is the number in flight, whatever the service", () => {
  for (const distribution of ["exponential", "lognormal", "bimodal"] as const) {
    const [group] = runToEnd(modules, {
      groups: [groupOf({
        test: "TCP_RR",
        connections: 40,
        outstanding: 3,
        service_ns: SERVICE_NS,
        service_distribution: distribution,
      })],
      machine: XL710,
      warmupMs: 40,
      measureMs: 100,
    }).groups;
    const inFlight = group!.throughput.value * group!.latency_ns!.mean / 1e9;
    // Transactions under way at the ends of the interval count in part.
    assert.ok(Math.abs(inFlight - 120) < 1.2, `${distribution}: ${inFlight} of 120`);
  }
});
