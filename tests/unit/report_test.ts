/** The command `report`: served pages that grow with their records, sketches, opening a browser. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { openInBrowser } from "../../harness/cli/open_browser.ts";
import { renderCourses, renderSketches, sparkline } from "../../harness/sketch.ts";
import { buildBench, buildRecord } from "../record_builder.ts";
import { inFolder, lab } from "./lab_io.ts";

Deno.test("A sparkline fills the largest, shows the smallest, leaves nothing blank", () => {
  assert.equal(sparkline([0, 1, 50, 100]), " ▁▅█");
  assert.equal(sparkline([0, 0]), "");
  assert.equal(sparkline([3, 0, 0]), "█");
});

Deno.test("Sketches put all policies of a group on one axis, the faster one further left", () => {
  const records = [buildRecord(), buildRecord({ policy: "LATENCY" })];
  const [title, none, latency, axis] = renderSketches(records).split("\n");
  assert.equal(title, "latency of rr on model, group rr (us, log axis)");
  assert.match(none!, /^NONE {5,} *[▁-█]/);
  assert.match(latency!, /^LATENCY {2}[▁-█]/, "LATENCY has the least latency of all");
  assert.match(axis!, /^ {9}23\.\d +\d+$/);
  assert.equal(renderSketches([buildRecord()]), "", "one policy alone is no comparison");
});

Deno.test("Where something is done during a run its latency over time is a line a policy, on one scale", () => {
  const operations = { 50: "device policy NONE", 150: "the run's own device policy" };
  const build = (policy: "NONE" | "MIX", more: object) =>
    buildRecord({ policy, sliceCount: 8, sampleCount: 2000, ...more });
  const [title, none, mix, marks] = renderCourses([build("NONE", {}), build("MIX", { operations })])
    .split("\n");
  assert.equal(title, "p90 latency of rr, group rr, over time (us)");
  assert.match(none!, /^NONE {2}([▁-█])\1{7} +[\d.]+ to [\d.]+$/, "steady");
  assert.match(mix!, /^MIX {3}([▁-▇])\1█{4}\1\1 +[\d.]+ to [\d.]+$/, "twice as much meanwhile");
  assert.equal(marks!.trim(), "50 ms device policy NONE; 150 ms the run's own device policy");
  assert.equal(renderCourses([build("NONE", {})]), "", "nothing was done");
  assert.equal(renderCourses([buildRecord({ operations })]), "", "no course was kept");
});

Deno.test("report shows tables, sketches, what to choose and the page; bench's output stays as it was", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "records.ndjson");
    await Deno.writeTextFile(
      file,
      buildBench([1]).map((each) => JSON.stringify(each) + "\n").join(""),
    );
    const { out } = await lab(["report", folder]);
    assert.match(out, /latency of mixed on model, group rr \(us, log axis\)\nNONE {5}/);
    assert.match(out, /\nchoose, by model\nLATENCY for rr: p99 0\.65× of NONE, /);
    assert.match(out, /Page {5}.*report\.html\n$/);
  });
});

/** Serves a folder on a free port until `visit` is done; what the command returned. */
async function served(
  folder: string,
  visit: (url: string) => Promise<void>,
): Promise<{ readonly code: number; readonly out: string }> {
  let interrupt: (() => void) | null = null;
  const started = Promise.withResolvers<void>();
  const running = lab(["report", folder, "--serve", "0"], {
    onErr: (_text, stop) => {
      interrupt = stop;
      started.resolve();
    },
    onOut: (text) => void (printed += text),
  });
  let printed = "";
  await Promise.race([started.promise, running]);
  try {
    await visit(/http:\S+/.exec(printed)![0]);
  } finally {
    (interrupt as (() => void) | null)?.();
  }
  return await running;
}

Deno.test("A served page grows as runs end, and a line that is half written is waited for", async () => {
  const line = (record: unknown): string => JSON.stringify(record) + "\n";
  const get = async (url: string): Promise<string> => await (await fetch(url)).text();
  await inFolder(async (folder) => {
    const file = join(folder, "records.ndjson");
    const { code, out } = await served(folder, async (url) => {
      const empty = await get(url);
      assert.match(empty, /<h1 id="answer-title">No run yet<\/h1>/);
      assert.match(empty, /connect-src &#39;self&#39;/);
      const before = await get(`${url}version`);
      assert.equal(await get(`${url}version`), before);
      await Deno.writeTextFile(file, line(buildRecord()) + '{"half":');
      assert.notEqual(await get(`${url}version`), before);
      const page = await get(url);
      assert.match(page, /Only NONE was run/);
      await Deno.writeTextFile(file, line(buildRecord()) + line(buildRecord({ policy: "MIX" })));
      assert.match(await get(url), /one seed only, so nothing is sure/);
      const lost = await fetch(`${url}favicon.ico`);
      assert.equal(lost.status, 404);
      await lost.body?.cancel();
    });
    assert.equal(code, 0);
    assert.match(out, /^Page {5}http:\/\/127\.0\.0\.1:\d+\/\n$/);
  });
});

Deno.test("A served page is no file, and a port in use is told", async () => {
  const clash = await lab(["report", "x", "--serve", "0", "--json"]);
  assert.equal(clash.code, 2);
  assert.match(clash.err, /Cannot give --serve and --json together: a served page is no file/);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const busy = await lab(["report", "x", "--serve", String(port)]);
  assert.equal(busy.code, 2);
  assert.match(busy.err, new RegExp(`Cannot serve on port ${port}: .*choose another with --serve`));
});

Deno.test("A browser that cannot be opened is told with the page to open by hand", async () => {
  const told = async (opener: string): Promise<string> => {
    let err = "";
    await openInBrowser("out/report.html", { err: (text) => void (err += text) }, opener);
    return err;
  };
  assert.equal(
    await told("false"),
    'Cannot open the page: "false" failed; open it by hand: out/report.html\n',
  );
  assert.match(await told("no-such-opener"), /^Cannot open the page: .*; open it by hand: out/);
  assert.equal(await told("true"), "");
});
