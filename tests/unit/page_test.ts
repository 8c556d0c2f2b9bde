/** The HTML page as text: escaping, determinism, structure, size. A browser tests the drawing. */

import assert from "node:assert/strict";
import type { RunRecord, TestName } from "../../harness/record.ts";
import { embedJson, embedScript, escapeHtml, html } from "../../reports/page/html.ts";
import { arrange } from "../../reports/cells.ts";
import { metricsOf } from "../../reports/metrics.ts";
import { renderPage } from "../../reports/page/page.ts";
import { nodeSentence, spreadSentence, steeringSentence } from "../../reports/page/queues.ts";
import { buildBench, buildRecord } from "../record_builder.ts";

const HOSTILE = `</script><img src=x onerror=alert(1)>"'&<!--`;

/** Every text of a record that a file or a host decides, made hostile. */
function hostileRecord(policy: "NONE" | "LATENCY"): RunRecord {
  const record = buildRecord({ policy });
  return {
    ...record,
    workload: HOSTILE,
    workload_title: HOSTILE,
    generator: HOSTILE,
    machine: HOSTILE,
    lab_version: HOSTILE,
    environment: { [HOSTILE]: HOSTILE },
    measurement: {
      ...record.measurement,
      groups: record.measurement.groups.map((group) => ({ ...group, name: HOSTILE })),
      drops: { [HOSTILE]: 1 },
      policy_counters: { [HOSTILE]: 1 },
      remarks: [HOSTILE],
      fingerprint: HOSTILE,
    },
  };
}

/** The body without the contents of script elements. */
function markupOf(page: string): string {
  const body = page.slice(page.indexOf("<body>"));
  return body.replace(/<script[^>]*>[\s\S]*?<\/script>/g, "");
}

Deno.test("Hostile labels become text, in markup, attributes and embedded data", async () => {
  const page = await renderPage([hostileRecord("NONE"), hostileRecord("LATENCY")]);
  assert.equal(page.includes("<img"), false);
  assert.equal(markupOf(page).includes("</script>"), false);
  assert.ok(markupOf(page).includes("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"));
  // Exactly the page's own elements: data, Chart.js, client.
  assert.equal(page.match(/<script/g)?.length, 3);
  assert.equal(page.match(/<\/script/g)?.length, 3);
});

Deno.test("The embedded data is JSON that gives the hostile label back unchanged", async () => {
  const page = await renderPage([hostileRecord("NONE")]);
  const text = /<script type="application\/json" id="page-data">([\s\S]*?)<\/script>/.exec(page)
    ?.[1];
  const data = JSON.parse(text!);
  assert.equal(data.results[0].workloads[0].name, HOSTILE);
});

Deno.test("html escapes strings, accepts Html, lists and nothing", () => {
  const part = html`<b>${"a<b"}</b>`;
  assert.equal(html`${part}${["x", "&"]}${null}${false}`.text, "<b>a&lt;b</b>x&amp;");
  assert.equal(escapeHtml(`"'`), "&quot;&#39;");
});

Deno.test("Embedding breaks up what would end or comment out an element", () => {
  assert.equal(embedJson({ a: "</script><!--" }).text, '{"a":"\\u003c/script>\\u003c!--"}');
  assert.equal(embedScript('"</SCRIPT>" "<!--"').text, '"<\\/SCRIPT>" "<\\!--"');
});

Deno.test("The same records give the same bytes, in any order of equal runs", async () => {
  const records = buildBench([1, 2]);
  const first = await renderPage(records);
  assert.equal(await renderPage(buildBench([1, 2])), first);
  const repeated = [...records, records[0]!];
  assert.equal(await renderPage(repeated), first, "an exact duplicate counts once");
});

Deno.test("The page allows itself no network and only its own scripts", async () => {
  const page = await renderPage([buildRecord()]);
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? "";
  assert.match(policy, /default-src &#39;none&#39;/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*|connect-src/);
  assert.equal(/<(link|iframe|object|embed)\b|\bsrc=|@import|url\(/.test(markupOf(page)), false);
});

Deno.test("The fixed part of the page stays below 600 KB", async () => {
  const page = await renderPage([buildRecord()]);
  assert.ok(page.length < 600_000, `${page.length} characters`);
});

Deno.test("Every chart has words for its finding and a table that it points to", async () => {
  const markup = markupOf(await renderPage(buildBench([1])));
  const charts = [...markup.matchAll(/<canvas[^>]*>/g)].map((match) => match[0]);
  assert.ok(charts.length > 20, `${charts.length} charts`);
  for (const chart of charts) {
    assert.match(chart, /role="img"/);
    assert.match(chart, /aria-label="[^"]{20,}"/);
    const table = /aria-describedby="([^"]+)"/.exec(chart)?.[1];
    assert.ok(markup.includes(`<table id="${table}"`) || markup.includes(`id="${table}"`), chart);
  }
});

Deno.test("Model and live numbers stand in separate parts that say where they come from", async () => {
  const markup = markupOf(await renderPage(buildBench([1])));
  const parts = markup.split('<section class="source"').slice(1);
  assert.equal(parts.length, 2);
  assert.match(parts[0]!, /comes from the simulated machine \(i40e-model\)/);
  assert.match(parts[1]!, /measured on a live host by deno-tcp/);
  assert.doesNotMatch(parts[1]!, /simulated machine/);
});

Deno.test("Runs of two builds of the core are never merged", async () => {
  const old = buildRecord();
  const young = {
    ...old,
    wasm: { policy_sha256: "ee".repeat(32), machine_sha256: "ff".repeat(32) },
  };
  const markup = markupOf(await renderPage([old, young]));
  assert.equal(markup.split('<section class="source"').length - 1, 2);
});

Deno.test("A page of a workload without latency, CPUs, queues and interrupts is complete", async () => {
  const record = buildRecord({ target: "live", groups: ["TCP_STREAM"], workload: "bulk" });
  const markup = markupOf(await renderPage([record]));
  assert.match(markup, /Packets dropped and packets sent again are not visible on loopback\./);
  assert.doesNotMatch(markup, /No packet was dropped/);
  assert.doesNotMatch(markup, /NaN|undefined|Infinity|null/);
});

Deno.test("A live run claims no more about losses than it can see", async () => {
  const record = buildRecord({ target: "live", groups: ["TCP_RR"] });
  const counted: RunRecord = {
    ...record,
    measurement: { ...record.measurement, drops: { udp_timeout: 0 } },
  };
  const ids = (each: RunRecord): Map<string, number | null> =>
    new Map(metricsOf(each).map((metric) => [metric.id, metric.value]));
  assert.equal(ids(record).get("dropped_packets"), null);
  assert.equal(ids(counted).get("dropped_packets"), 0);
  assert.equal(ids(counted).get("retransmits"), null);
  const markup = markupOf(await renderPage([counted]));
  assert.match(markup, /No datagram was lost, in any run; packets sent again are not visible on/);
  assert.match(markup, /retransmits[\s\S]{0,200}–<span class="sub">not visible on loopback/);
  assert.match(markup, /interrupts per second[\s\S]{0,200}–<span class="sub">not visible on/);
  const model = markupOf(await renderPage([buildRecord()]));
  assert.match(model, /No packet was dropped and none was sent again, in any run\./);
});

Deno.test("A device that is polled all the time has no packets per interrupt", async () => {
  const polled = (policy: "NONE" | "CPU"): RunRecord => {
    const record = buildRecord({ policy });
    const interrupts = { count: 0, per_second: 0, rx_packets_per_interrupt: 129_935 };
    return { ...record, measurement: { ...record.measurement, interrupts } };
  };
  const values = metricsOf(polled("CPU"));
  assert.equal(values.find((each) => each.id === "rx_packets_per_interrupt")!.value, null);
  const markup = markupOf(await renderPage([buildRecord(), polled("CPU")]));
  assert.match(markup, /–<span class="sub">polled all the time<\/span>/);
  assert.match(markup, /<td class="none" colspan="5">polled all the time<\/td>/);
  assert.doesNotMatch(markup, /130\u202fk|129935/);
});

Deno.test("No number of a full page is NaN, undefined or infinite", async () => {
  const markup = markupOf(await renderPage(buildBench([1, 2, 3])));
  assert.doesNotMatch(markup, /NaN|undefined|Infinity|\[object/);
});

Deno.test("A partial run and its remarks are told before any number of its workload", async () => {
  const record = buildRecord({ seed: 7 });
  const partial: RunRecord = {
    ...record,
    status: "partial",
    measurement: { ...record.measurement, remarks: ["Ended early by Ctrl-C."] },
  };
  const markup = markupOf(await renderPage([partial]));
  const section = markup.slice(markup.indexOf('<section class="workload"'));
  assert.match(section, /Ended early by Ctrl-C\. <span class="quiet">\(NONE seed 7\)/);
  assert.ok(section.indexOf("Ended early") < section.indexOf("<table"));
});

Deno.test("What was done during a run is a remark where no chart over time can mark it", async () => {
  const what = "device policy NONE";
  for (const sliceCount of [undefined, 10]) {
    const record = buildRecord({ ...sliceCount && { sliceCount }, operations: { 60: what } });
    const page = markupOf(
      await renderPage([{
        ...record,
        measurement: { ...record.measurement, remarks: [`60.0 ms: ${what}`] },
      }]),
    );
    assert.equal(/<li>60\.0 ms: device policy NONE/.test(page), sliceCount === undefined);
  }
});

Deno.test("A histogram that cannot be decoded is an error that names the run", async () => {
  const record = buildRecord();
  const groups = record.measurement.groups.map((group) => ({
    ...group,
    latency_ns: { ...group.latency_ns!, hdr_v2: "not base64 !" },
  }));
  const broken = { ...record, measurement: { ...record.measurement, groups } };
  await assert.rejects(
    () => renderPage([broken]),
    /Cannot decode the latency histogram of run "rr\/model\/stock\/NONE\/1"/,
  );
});

Deno.test("Without a run the page says so and how to get one", async () => {
  const markup = markupOf(await renderPage([]));
  assert.match(markup, /<h1 id="answer-title">No run yet<\/h1>/);
  assert.match(markup, /deno task bench/);
  assert.doesNotMatch(markup, /NaN|undefined|<table|save-csv/);
});

Deno.test("Runs that all ended early are told as such, and nothing is chosen from one", async () => {
  const records = (["NONE", "MIX"] as const).map((policy): RunRecord => ({
    ...buildRecord({ policy }),
    status: "partial",
  }));
  const markup = markupOf(await renderPage(records));
  assert.match(markup, /The run ended before its time; its numbers are partial\./);
  assert.match(markup, /one seed only/);
});

/** Rows of the first table as words. */
function scoreRows(markup: string): string[] {
  const table = /<table class="score"[^>]*>[\s\S]*?<\/table>/.exec(markup)![0];
  return table.split(/<tr /).slice(1).filter((row) => /data-main/.test(row))
    .map((row) => row.replace(/^[^>]*>/, "").replace(/<[^>]*>|\s+/g, " ").replace(/ +/g, " "));
}

Deno.test("The first table grades every policy and names the one to choose", async () => {
  const rows = scoreRows(markupOf(await renderPage(buildBench([1, 2]))));
  assert.equal(rows.length, 4, "one row per workload and group");
  assert.match(rows[0]!, /^ rr LATENCY all 2 seeds agree p99 latency D .* A 0\.65× /);
  assert.match(rows[1]!, /^ stream BULK all 2 seeds agree throughput B .* A 1\.08× /);
  assert.match(rows[0]!, /µs · CPU.[\d.]+×/);
});

Deno.test("The score table marks a policy that lost packets", async () => {
  const lossy = (policy: "NONE" | "BULK"): RunRecord => {
    const record = buildRecord({ workload: "stream", groups: ["TCP_STREAM"], policy });
    const arrived = record.measurement.queues.reduce((sum, queue) => sum + queue.rx_packets, 0);
    const drops = { socket_buffer_full: policy === "BULK" ? arrived * 0.87 : 0 };
    return { ...record, measurement: { ...record.measurement, drops } };
  };
  const [row] = scoreRows(markupOf(await renderPage([lossy("NONE"), lossy("BULK")])));
  assert.match(row!, /A 1\.0\d× 87 % lost/);
});

Deno.test("CPU time is never ranked where work differs", async () => {
  const mixed = (["NONE", "CPU"] as const).flatMap((policy) =>
    [1, 2].map((seed) =>
      buildRecord({ workload: "mixed", groups: ["TCP_RR", "TCP_STREAM"], policy, seed })
    )
  );
  const markup = markupOf(await renderPage(mixed));
  assert.match(
    markup,
    /CPU time in mixed is not ranked, because transactions and streams are different work; busy share of all CPUs: NONE [\d.]+\u202f% and CPU [\d.]+\u202f%\./,
  );
  assert.deepEqual(metricsOf(mixed[0]!).filter((metric) => metric.key.startsWith("cpu_ns")), []);
});

Deno.test("Connections of one request are not said to be received on their policy's queues", () => {
  const sentenceOf = (groups: readonly TestName[]): string =>
    steeringSentence(arrange([buildRecord({ groups, policy: "MIX" })])[0]!.workloads[0]!);
  assert.match(sentenceOf(["TCP_RR"]), /gives each socket a queue from its policy's list\.$/);
  const crr = sentenceOf(["TCP_CRR"]);
  assert.match(crr, /steers what it transmits only: a connection ends with its one request, /);
  assert.doesNotMatch(crr, /gives each socket/);
  assert.match(
    sentenceOf(["TCP_RR", "TCP_CRR"]),
    /list\. For crr, the policy manager steers what it transmits only/,
  );
});

Deno.test("The queue section says how even the load was and how interrupts were throttled", async () => {
  assert.equal(
    spreadSentence([10, 10, 0, 0]),
    "2 of 4 queues carry packets; the busiest has 2.00 times the mean; Jain index 0.50.",
  );
  assert.equal(spreadSentence([0, 0]), "None of 2 queues received a packet.");
  const markup = markupOf(await renderPage(buildBench([1])));
  assert.match(markup, /Jain index 0\.50\. Rx throttling 6 µs, fixed\./);
  assert.match(markup, /Rx throttling 50 µs, adaptive\./);
});

Deno.test("The share of a node is told where there are two, and not where the placement varies", () => {
  const seen = (
    label: string,
    ...lines: readonly (readonly [node: string, packets: number])[]
  ) => ({
    variant: { label },
    lines: lines.map(([node, rxPackets]) => ({ node, rxPackets })),
  });
  assert.equal(
    nodeSentence([seen("NONE", ["0", 30], ["1", 10]), seen("MIX", ["0", 5], ["1", 5])]),
    "Node 0 has 75 % under NONE and 50 % under MIX.",
  );
  assert.equal(nodeSentence([seen("NONE", ["0", 30], ["0", 10])]), "");
  assert.equal(nodeSentence([seen("NONE", ["0", 30], ["varies", 10])]), "");
  assert.equal(nodeSentence([seen("NONE", ["0", 0], ["1", 0])]), "");
});
