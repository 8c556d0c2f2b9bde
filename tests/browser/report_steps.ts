/**
 * Pages of other records in a browser: none, one, a thousand, hostile ones, several sets, a verdict
 * and a validation beside them, served while they grow.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { servePage } from "../../harness/cli/serve_page.ts";
import { DEVICE_POLICIES, type RunRecord } from "../../harness/record.ts";
import { makeBaseline } from "../../reports/gate/baseline.ts";
import { judge } from "../../reports/gate/judge.ts";
import { readGateVerdict } from "../../reports/page/gate_verdict.ts";
import { renderComparison, renderPage } from "../../reports/page/page.ts";
import { readVerification } from "../../reports/page/verification.ts";
import { readValidation } from "../../reports/page/validation.ts";
import { buildBench, buildRecord } from "../record_builder.ts";
import { blankCharts, drawAll, OPEN_DETAILS, RUN_AXE, type Step, visit } from "./visit.ts";

/** Renders a page into a file and visits it with whatever is to be checked. */
async function withPage(page: string, check: (url: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "report.html");
    await Deno.writeTextFile(file, page);
    await check(pathToFileURL(file).href);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Text that would be markup, a closing tag, right to left, long, or of several code units. */
const HOSTILE = `</script></noscript><img src=x onerror="window.hit=1">"'&<!-- \u202eabc\u202c ` +
  `${"long ".repeat(40)}\u{1f9e8}`;

function hostileBench(): RunRecord[] {
  return (["NONE", "LATENCY", "MIX"] as const).flatMap((policy) =>
    [1, 2].map((seed) => {
      const record = buildRecord({
        policy,
        seed,
        workload: HOSTILE,
        sampleCount: 2000,
        sliceCount: 8,
        operations: { 50: HOSTILE, 120: HOSTILE },
      });
      const groups = record.measurement.groups.map((group) => ({ ...group, name: HOSTILE }));
      return {
        ...record,
        workload_title: HOSTILE,
        generator: HOSTILE,
        machine: HOSTILE,
        environment: { [HOSTILE]: HOSTILE },
        measurement: {
          ...record.measurement,
          groups,
          drops: { [HOSTILE]: 3 },
          remarks: [HOSTILE],
        },
      };
    })
  );
}

/** What the verifier says where a part failed. */
const VERIFICATION = {
  schema: "netpolicy-lab/verify/1",
  profile: "ci",
  seed: 1,
  policy_wasm_sha256: "ef".repeat(32),
  passed: false,
  parts: [
    {
      part: "explore",
      purpose: "every state of small hosts",
      passed: true,
      rows: [{ name: "one queue", figures: { states: 120_000, depth: 9 }, findings: [] }],
    },
    {
      part: "walk",
      purpose: "random operations",
      passed: false,
      rows: [{
        name: "seed 1",
        figures: { steps: 5000 },
        findings: [{ sentence: `After 17 steps: ${HOSTILE}` }],
      }],
    },
  ],
};

/** A failed verdict, a validation, a failed verification, and two sets of runs. */
async function fullComparison(): Promise<string> {
  const runs = buildBench([1, 2]).filter((record) => record.workload === "rr");
  const slow = runs.map((record) =>
    record.target === "model"
      ? buildRecord({ policy: record.policy, seed: record.seed, slowdown: 1.2 })
      : record
  );
  const baseline = makeBaseline(buildBench([1]).filter((record) => record.target === "model"));
  const verdict = judge([buildRecord({ slowdown: 1.3 })], baseline, { minimumEffect: 0.01 });
  const source = { who: "A", where: "B", when: "2024" };
  const checks = [{ metric: "p50", value: 25, model: 25.4, verdict: "holds" }];
  const one = { name: "V1", title: "T", series: "S", source, verdict: "holds", checks };
  return await renderComparison([
    { name: "before", records: runs },
    { name: "after", records: slow },
  ], {
    gate: readGateVerdict(JSON.stringify(verdict), "gate.json"),
    validation: readValidation(JSON.stringify({ cases: [one] }), "validation.json"),
    verification: readVerification(JSON.stringify(VERIFICATION), "verification.json"),
  });
}

/** Presses Tab through the page; what had the focus, and whether each was seen to have it. */
const WALK = `(() => {
  const focused = document.activeElement;
  if (focused === document.body || focused === null) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(focused);
  const isSeen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  const name = focused.getAttribute("aria-label") ?? focused.textContent.trim().slice(0, 40);
  return { tag: focused.tagName, id: focused.id, name, isSeen };
})()`;

const CONTROLS =
  `[...document.querySelectorAll("button, select, canvas, summary, a[href], [tabindex='0']")]
  .filter((each) => each.checkVisibility()).length`;

/** Milliseconds from the start of loading to the first paint of content. */
async function paintMs(page: Page): Promise<number> {
  return await page.evaluate(
    "performance.getEntriesByName('first-contentful-paint')[0].startTime",
  ) as number;
}

/** What must hold beside PAGE_STEPS. */
export const REPORT_STEPS: readonly Step[] = [
  ["Tab reaches every control, each has a name and shows that it has the focus", async (
    browser,
    url,
  ) => {
    const { page } = await visit(browser, url, { fragment: "#workload=rr" });
    const count = await page.evaluate(CONTROLS) as number;
    assert.ok(count > 30, `${count} controls`);
    const seen: { tag: string; name: string; isSeen: boolean }[] = [];
    for (let press = 0; press < count + 5; press++) {
      await page.keyboard.press("Tab");
      const found = await page.evaluate(WALK) as typeof seen[number] | null;
      if (found === null) break;
      seen.push(found);
    }
    assert.equal(seen.length, count);
    assert.deepEqual(seen.filter(({ name, isSeen }) => name === "" || !isSeen), []);
    await page.context().close();
  }],
  ["No run gives a page that says so, one run a page without comparison", async (browser) => {
    await withPage(await renderPage([]), async (url) => {
      const { page, complaints } = await visit(browser, url);
      assert.equal(await page.locator("h1").innerText(), "No run yet");
      await page.locator("#theme").click();
      assert.equal(await page.locator("html").getAttribute("data-theme"), "light");
      assert.deepEqual(complaints, []);
      await page.context().close();
    });
    await withPage(await renderPage([buildRecord()]), async (url) => {
      const { page, complaints } = await visit(browser, url);
      assert.ok(await drawAll(page) > 3);
      assert.deepEqual(await blankCharts(page), []);
      assert.match(await page.locator(".score").innerText(), /one policy only/);
      assert.deepEqual(complaints, []);
      await page.context().close();
    });
  }],
  ["Runs that all failed give a page that says so, without a number that is none", async (
    browser,
  ) => {
    const failed = (["NONE", "LATENCY", "MIX"] as const).map((policy): RunRecord => {
      const record = buildRecord({ policy, sliceCount: 4 });
      const { measurement } = record;
      const groups = measurement.groups.map((group) => ({
        ...group,
        transactions: 0,
        bytes: 0,
        throughput: { value: 0, unit: "trans/s" as const },
        latency_ns: null,
      }));
      const series = {
        ...measurement.series!,
        groups: [{ name: "rr", amount: [0, 0, 0, 0], p50_ns: null, p90_ns: null, p99_ns: null }],
      };
      return { ...record, status: "partial", measurement: { ...measurement, groups, series } };
    });
    await withPage(await renderPage(failed), async (url) => {
      const { page, complaints } = await visit(browser, url, { width: 320 });
      await drawAll(page);
      await page.evaluate(OPEN_DETAILS);
      const text = await page.locator("main").innerText();
      assert.match(text, /The run ended before its time; its numbers are partial\./);
      assert.match(text, /Nothing was carried: no slice has any throughput\./);
      assert.doesNotMatch(text, /NaN|Infinity|undefined|null/);
      assert.deepEqual(await blankCharts(page), []);
      assert.deepEqual(complaints, []);
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 320);
      await page.context().close();
    });
  }],
  ["A thousand runs are painted within a second", async (browser) => {
    const records = ["a", "b", "c", "d", "e"].flatMap((workload) =>
      DEVICE_POLICIES.flatMap((policy) => {
        const record = buildRecord({ workload, policy, sampleCount: 2000 });
        const first = buildRecord({ workload, policy, sampleCount: 2000, sliceCount: 80 });
        return Array.from({ length: 40 }, (_, index): RunRecord => ({
          ...index === 0 ? first : record,
          seed: index + 1,
          run_id: `${record.run_id}${index}`,
        }));
      })
    );
    assert.equal(records.length, 1000);
    // On a busy machine a page of one run takes long, too.
    let small = 0;
    await withPage(await renderPage([buildRecord()]), async (url) => {
      const { page } = await visit(browser, url);
      small = await paintMs(page);
      await page.context().close();
    });
    await withPage(await renderPage(records), async (url) => {
      const { page, complaints } = await visit(browser, url);
      const paint = await paintMs(page);
      assert.ok(paint < Math.max(1000, 5 * small), `${paint} ms; a page of one run ${small} ms`);
      assert.match(await page.locator(".headlines").innerText(), /95 % interval/);
      assert.deepEqual(complaints, []);
      await page.context().close();
    });
  }],
  ["Hostile labels are text: nothing runs, nothing is asked for, nothing overflows", async (
    browser,
  ) => {
    await withPage(await renderPage(hostileBench()), async (url) => {
      const { page, requests, complaints } = await visit(browser, url, { width: 320 });
      await drawAll(page);
      await page.evaluate(OPEN_DETAILS);
      assert.equal(await page.evaluate("window.hit"), undefined);
      assert.equal(await page.locator("img").count(), 0);
      assert.deepEqual(requests, [url]);
      assert.deepEqual(complaints, []);
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 320);
      await page.locator("#workload").selectOption({ index: 0 }, { timeout: 100 }).catch(() => {});
      await page.evaluate("dispatchEvent(new Event('beforeprint'))");
      assert.equal(await page.evaluate("window.hit"), undefined);
      await page.context().close();
    });
  }],
  [
    "Verdict, validation and verification beside a comparison pass axe in both themes, and fit",
    async (
      browser,
    ) => {
      const axe = await readFile(createRequire(import.meta.url).resolve("axe-core"), "utf8");
      await withPage(await fullComparison(), async (url) => {
        for (const theme of ["light", "dark"] as const) {
          const { page, complaints } = await visit(browser, url, { theme, width: 320 });
          assert.match(await page.locator("#gate").innerText(), /^✗ Gate failed/);
          assert.match(await page.locator("h1").innerText(), /^What changed against before\?$/);
          const verified = page.locator("#verification .lede");
          assert.match(await verified.innerText(), /^Not verified: walk failed with profile ci/);
          assert.equal(await page.evaluate("window.hit"), undefined);
          await page.evaluate(OPEN_DETAILS);
          assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 320);
          await page.evaluate(axe);
          assert.deepEqual(await page.evaluate(RUN_AXE), [], theme);
          assert.deepEqual(complaints, []);
          await page.context().close();
        }
      });
    },
  ],
  ["Forced colours keep the marks of the policies and the letters", async (browser, url) => {
    const { page, complaints } = await visit(browser, url, { forcedColors: "active" });
    const colours = await page.evaluate(
      `[...document.querySelectorAll(".legend .key")].map((key) =>
        getComputedStyle(key).backgroundColor)`,
    ) as string[];
    assert.equal(new Set(colours).size, colours.length);
    assert.match(await page.locator(".score .grade-a:visible").first().innerText(), /^\s*A/);
    await drawAll(page);
    assert.deepEqual(await blankCharts(page), []);
    assert.deepEqual(complaints, []);
    await page.context().close();
  }],
  ["A served page loads itself again when a run has ended", async (browser) => {
    const ended = new AbortController();
    let records: readonly RunRecord[] = [];
    const { url, finished } = servePage({
      makePage: () => renderPage(records, { isServed: true }),
      version: () => Promise.resolve(String(records.length)),
      port: 0,
      signal: ended.signal,
    });
    try {
      const { page, complaints } = await visit(browser, url);
      assert.equal(await page.locator("h1").innerText(), "No run yet");
      records = [buildRecord(), buildRecord({ policy: "MIX" })];
      await page.locator("h1", { hasText: "Which policy for which workload?" }).waitFor();
      assert.deepEqual(complaints.filter((text) => !text.includes("favicon")), []);
      await page.context().close();
    } finally {
      ended.abort();
      await finished;
    }
  }],
];
