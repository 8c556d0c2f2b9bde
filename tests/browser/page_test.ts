/**
 * The page in a real browser: Debian's Chromium through playwright-core, from the file protocol.
 * Skipped with a reason where /usr/bin/chromium is absent; never downloads a browser. One browser
 * for all steps, a context for each.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { renderPage } from "../../reports/page/page.ts";
import { buildBench } from "../record_builder.ts";
import { PAGE_STEPS } from "./page_steps.ts";
import { REPORT_STEPS } from "./report_steps.ts";
import { PATIENCE_MS } from "./visit.ts";

const CHROMIUM = "/usr/bin/chromium";
const present = existsSync(CHROMIUM);
if (!present) console.log(`Skipped: the page in a browser needs "${CHROMIUM}", which is absent`);

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Renders the synthetic bench into a file, starts the browser, and removes both at the end. */
async function withBrowser(run: (browser: Browser, url: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "report.html");
  try {
    await Deno.writeTextFile(path, await renderPage(buildBench([1, 2])));
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: FLAGS,
      timeout: PATIENCE_MS,
    });
    try {
      await run(browser, pathToFileURL(path).href);
    } finally {
      await browser.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "The page works in a browser, offline, in both themes, by keyboard and on paper",
  ignore: !present,
  fn: (test) =>
    withBrowser(async (browser, url) => {
      for (const [name, check] of [...PAGE_STEPS, ...REPORT_STEPS]) {
        await test.step(name, () => check(browser, url));
      }
    }),
});
