/**
 * The page of the synthetic bench in a browser: drawing, keyboard, choices, exports, print.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import {
  A4_WIDTH_PX,
  blankCharts,
  drawAll,
  OPEN_DETAILS,
  RUN_AXE,
  type Step,
  visit,
  WATCH_PRINT,
  WIDE_TABLES,
} from "./visit.ts";

/** What must hold, each in a fresh context of one browser. */
export const PAGE_STEPS: readonly Step[] = [
  ["It opens from a file with no other request and no complaint", async (browser, url) => {
    const { page, requests, complaints } = await visit(browser, url);
    await drawAll(page);
    assert.deepEqual(requests, [url]);
    assert.deepEqual(complaints, []);
    await page.context().close();
  }],
  ["No chart is blank, in either theme", async (browser, url) => {
    for (const theme of ["light", "dark"] as const) {
      const { page } = await visit(browser, url, { theme });
      assert.ok(await drawAll(page) > 20);
      assert.deepEqual(await blankCharts(page), []);
      await page.context().close();
    }
  }],
  ["axe finds no violation, in either theme", async (browser, url) => {
    const axe = await readFile(createRequire(import.meta.url).resolve("axe-core"), "utf8");
    for (const theme of ["light", "dark"] as const) {
      const { page } = await visit(browser, url, { theme });
      await page.evaluate(OPEN_DETAILS);
      await page.evaluate(axe);
      const found = await page.evaluate(RUN_AXE) as string[];
      assert.deepEqual(found, [], theme);
      await page.context().close();
    }
  }],
  ["The legend works by keyboard and says so to a screen reader", async (browser, url) => {
    const { page } = await visit(browser, url);
    const button = page.locator("[data-legend]", { hasText: "BULK" });
    await button.focus();
    await page.keyboard.press("Space");
    assert.equal(await button.getAttribute("aria-pressed"), "false");
    assert.equal(await page.locator("#announce").textContent(), "BULK hidden");
    assert.equal(await page.locator("#s0w0 thead th:has-text('BULK'):visible").count(), 0);
    assert.match(page.url(), /#hide=BULK$/);
    await page.keyboard.press("Enter");
    assert.equal(await button.getAttribute("aria-pressed"), "true");
    await page.context().close();
  }],
  ["The last visible policy cannot be hidden", async (browser, url) => {
    const { page } = await visit(browser, url, { fragment: "#hide=NONE,CPU,BULK,LATENCY" });
    await page.locator("[data-legend]", { hasText: "MIX" }).click();
    assert.equal(await page.locator('[data-legend][aria-pressed="true"]').count(), 1);
    assert.equal(
      await page.locator("#announce").textContent(),
      "One policy must stay visible.",
    );
    await page.context().close();
  }],
  ["Arrow keys read a chart point by point", async (browser, url) => {
    const { page } = await visit(browser, url);
    await drawAll(page);
    await page.locator("#s0w0-g0-throughput").focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    assert.match(
      await page.locator("#announce").textContent() ?? "",
      /^CPU: median .*trans\/s$/,
    );
    await page.locator("#s0w0-g0-curve").focus();
    await page.keyboard.press("ArrowRight");
    assert.match(
      await page.locator("#announce").textContent() ?? "",
      /^0 %: NONE .*, CPU .*µs/,
    );
    await page.locator("#s0w0-timeline-1").focus();
    for (let slice = 0; slice < 2; slice++) await page.keyboard.press("ArrowRight");
    const spoken = await page.locator("#announce").textContent() ?? "";
    assert.match(spoken.replaceAll("\u202f", " "), /^p90 latency, 10 ms to 20 ms: NONE .*µs, CPU/);
    await page.locator("#s0w0-heat-3").focus();
    await page.keyboard.press("ArrowLeft");
    assert.match(
      (await page.locator("#announce").textContent() ?? "").replaceAll("\u202f", " "),
      /^LATENCY, 190 ms to 200 ms: queue 0 \d+ packets, queue 1 \d+ packets,/,
    );
    await page.context().close();
  }],
  ["A heat map shows another measure, latency boxes of quartiles, and a link keeps both", async (
    browser,
    url,
  ) => {
    const { page, complaints } = await visit(browser, url);
    await drawAll(page);
    const picture = (id: string): Promise<unknown> =>
      page.evaluate(`document.getElementById("${id}").toDataURL()`);
    const ids = ["s0w0-heat-1", "s0w2-heat-1", "s0w0-g0-curve"];
    const before = await Promise.all(ids.map(picture));
    await page.locator("#s0w0-heat-figure select").selectOption("itr_rx_usecs");
    await page.locator("#scale").selectOption("boxes");
    const after = await Promise.all(ids.map(picture));
    ids.forEach((id, index) => assert.notEqual(after[index], before[index], id));
    assert.match(page.url(), /#scale=boxes&heat=itr_rx_usecs$/);
    const chosen = page.locator("#s0w2-heat-figure select");
    assert.equal(await chosen.inputValue(), "itr_rx_usecs", "one choice for the whole page");
    await page.locator("#s0w0-g0-curve").focus();
    await page.keyboard.press("ArrowRight");
    assert.match(
      await page.locator("#announce").textContent() ?? "",
      /^NONE: p1 .*, quartiles .*µs, .*µs and .*µs, p99 .*µs$/,
    );
    assert.deepEqual(await blankCharts(page), []);
    assert.deepEqual(complaints, []);
    await page.context().close();
  }],
  ["The fragment restores policies, metric, scale, theme and place", async (browser, url) => {
    const fragment = "#at=s0w1&hide=CPU&metric=throughput&scale=log&theme=dark";
    const { page, complaints } = await visit(browser, url, { fragment });
    assert.equal(await page.locator("#metric").inputValue(), "throughput");
    assert.equal(await page.locator("#scale").inputValue(), "log");
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
    assert.equal(await page.locator('[data-legend][aria-pressed="false"]').count(), 1);
    const shown = page.locator(".score tr[data-metric]:visible");
    assert.ok(await shown.count() > 0);
    assert.equal(
      await page.locator('.score tr[data-metric="latency_ns_p99"]:visible').count(),
      0,
    );
    assert.equal(await page.evaluate("document.activeElement.id"), "s0w1-title");
    await drawAll(page);
    assert.deepEqual(await blankCharts(page), []);
    assert.deepEqual(complaints, []);
    await page.context().close();
  }],
  ["Choices change the fragment, and the theme button goes round", async (browser, url) => {
    const { page } = await visit(browser, url);
    await page.locator("#metric").selectOption("cpu_ns");
    assert.match(page.url(), /#metric=cpu_ns$/);
    for (const theme of ["light", "dark", null]) {
      await page.locator("#theme").click();
      assert.equal(await page.locator("html").getAttribute("data-theme"), theme);
    }
    await page.context().close();
  }],
  ["A chart saves its own data as it is drawn, and copies it as Markdown", async (browser, url) => {
    const { page } = await visit(browser, url, { fragment: "#hide=CPU" });
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.locator('[data-export="csv"][data-for="s0w0-g0-throughput"]').click(),
    ]);
    const text = await readFile(await download.path(), "utf8");
    const drawn = await page.evaluate(`(() => {
      const { bars } = JSON.parse(document.getElementById("page-data").textContent)
        .figures["s0w0-g0-throughput"];
      return bars.map(({ median, low, high }) => [median, low, high].join(","));
    })()`) as string[];
    const lines = text.trim().split("\r\n");
    assert.equal(lines[0], "policy,median trans/s,low trans/s,high trans/s,values trans/s");
    assert.equal(lines.length, 5, "the hidden policy is left out");
    assert.ok(lines[1]!.startsWith(`NONE,${drawn[0]},`));
    await page.locator('[data-export="markdown"][data-for="s0w0-g0-throughput"]').click();
    await page.locator("#announce", { hasText: /^Markdown copied$/ }).waitFor({
      state: "attached",
    });
    await page.context().close();
  }],
  ["The workload filter leaves one workload, and the CCDF is another drawing", async (
    browser,
    url,
  ) => {
    const { page, complaints } = await visit(browser, url);
    await page.locator("#workload").selectOption("mixed");
    assert.equal(await page.locator("section.workload:visible").count(), 1);
    assert.equal(await page.locator(".score tr[data-metric]:visible").count(), 2);
    const picture = (): Promise<unknown> =>
      page.evaluate("document.getElementById('s0w2-g0-curve').toDataURL()");
    await drawAll(page);
    const before = await picture();
    await page.locator("#scale").selectOption("ccdf");
    assert.notEqual(await picture(), before);
    assert.match(page.url(), /#workload=mixed&scale=ccdf$/);
    assert.deepEqual(await blankCharts(page), []);
    assert.deepEqual(complaints, []);
    await page.context().close();
  }],
  ["CSV and JSON are saved with every value", async (browser, url) => {
    const { page } = await visit(browser, url);
    const texts: string[] = [];
    for (const id of ["#save-csv", "#save-json"]) {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.locator(id).click(),
      ]);
      texts.push(await readFile(await download.path(), "utf8"));
    }
    assert.match(texts[0]!, /^target,generator,workload/);
    assert.match(texts[0]!, /model,i40e-model,rr,rr,p99 latency,ns,netpolicy,LATENCY,2,\d+/);
    assert.equal(JSON.parse(texts[1]!).results.length, 2);
    await page.context().close();
  }],
  ["No part makes the page scroll sideways, before or after charts are drawn", async (
    browser,
    url,
  ) => {
    const widths = [320, 360, 600, 768, 1024, 1280, 1440];
    const { page } = await visit(browser, url);
    const check = async (when: string) => {
      for (const width of widths) {
        await page.setViewportSize({ width, height: 900 });
        assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width, when);
      }
    };
    await check("before");
    await drawAll(page);
    await page.evaluate(OPEN_DETAILS);
    await check("after");
    await page.context().close();
  }],
  ["No table runs over the edge of an A4 page", async (browser, url) => {
    const { page } = await visit(browser, url, { width: A4_WIDTH_PX });
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    await page.emulateMedia({ media: "print" });
    assert.deepEqual(await page.evaluate(WIDE_TABLES), []);
    await page.context().close();
  }],
  ["Print has every chart as sharp SVG in light colours, and all details", async (browser, url) => {
    const { page, complaints } = await visit(browser, url, { theme: "dark" });
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    const chartCount = await page.locator("canvas").count();
    assert.equal(await page.locator("svg.print-chart").count(), chartCount);
    assert.equal(await page.locator("details:not([open])").count(), 0);
    const curve = await page.locator(".plot.curve + .print-only").first().innerHTML();
    assert.ok(curve.includes('stroke="#04945a"'), "the light theme's LATENCY");
    assert.ok(curve.includes(">99.9 %<"));
    await page.evaluate("dispatchEvent(new Event('afterprint'))");
    assert.equal(await page.locator("svg.print-chart").count(), 0);
    await page.evaluate(WATCH_PRINT);
    const pdf = await page.pdf({ format: "A4", printBackground: true });
    const pageCount = pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0;
    assert.ok(pageCount > 4, `${pageCount} pages`);
    assert.equal(await page.evaluate("printedCharts"), chartCount);
    assert.deepEqual(complaints, []);
    await page.context().close();
  }],
  ["Without script the answers and tables are all there", async (browser, url) => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(url);
    assert.match(await page.locator(".headlines").first().innerText(), /for rr: p99 0\.65×/);
    assert.ok(await page.locator("svg.forest:visible").count() > 0);
    assert.ok(await page.locator("table:visible").count() > 20);
    const drawn = await page.locator("noscript svg.print-chart:visible").count();
    assert.equal(drawn, await page.locator("canvas").count());
    await context.close();
  }],
];
