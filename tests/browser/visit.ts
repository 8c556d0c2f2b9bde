/**
 * Opens a page in a browser that tests share, and what tests ask of it. For tests only.
 *
 * @module
 */

import type { Browser, Page } from "playwright-core";

/** When to give up on the browser; generous, because a busy machine is no failure of the page. */
export const PATIENCE_MS = 120_000;

/** A check of the page, in a context of its own. */
export type Step = readonly [string, (browser: Browser, url: string) => Promise<void>];

/** An open page with what it did so far. */
export interface Visit {
  readonly page: Page;
  /** Addresses asked for, the page itself included. */
  readonly requests: string[];
  /** Errors and warnings of the console, and uncaught errors. */
  readonly complaints: string[];
}

/** How to open it. */
export interface VisitOptions {
  readonly fragment?: string;
  readonly width?: number;
  readonly theme?: "light" | "dark";
  readonly forcedColors?: "active";
}

/** Opens the page in a context of its own and waits until its scripts have run. */
export async function visit(
  browser: Browser,
  url: string,
  options: VisitOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: 900 },
    colorScheme: options.theme ?? "light",
    reducedMotion: "reduce",
    forcedColors: options.forcedColors ?? "none",
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url + (options.fragment ?? ""));
  await page.waitForSelector("html[data-ready]", { state: "attached" });
  return { page, requests, complaints };
}

/** Run in the page as text, because the types of the browser are not those of Deno. */
export const OPEN_DETAILS =
  "document.querySelectorAll('details').forEach((each) => each.open = true)";

/** Violations that axe finds, each with the element. */
export const RUN_AXE = `axe.run(document).then(({ violations }) => violations.flatMap((violation) =>
  violation.nodes.map((node) => violation.id + ": " + node.html.slice(0, 160))))`;

const DRAW_ALL = `(async () => {
  const canvases = [...document.querySelectorAll("canvas")]
    .filter((canvas) => canvas.offsetParent !== null);
  for (const canvas of canvases) {
    canvas.scrollIntoView({ block: "center" });
    for (let frame = 0; Chart.getChart(canvas) === undefined; frame++) {
      if (frame > 3000) throw new Error("Chart " + canvas.id + " was never drawn");
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  }
  // Two frames: the observers of size run in the first, the drawing they ask for in the second.
  for (let frame = 0; frame < 2; frame++) await new Promise((go) => requestAnimationFrame(go));
  return canvases.length;
})()`;

const BLANK_CHARTS = `[...document.querySelectorAll("canvas")].filter((canvas) => {
  if (canvas.offsetParent === null) return false;
  if (canvas.width === 0 || canvas.height === 0) return true;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let painted = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] > 0) painted++;
  return painted < 200;
}).map((canvas) => canvas.id)`;

/**
 * Width between the margins of A4, 210 mm less 14 mm a side, at 96 pixels an inch, less a twentieth
 * for fonts that run wider than the ones here.
 */
export const A4_WIDTH_PX = 654;

/** Tables that are wider than the room they have. */
export const WIDE_TABLES = `[...document.querySelectorAll(".scroll table")].filter((table) =>
  table.offsetParent !== null && table.getBoundingClientRect().right >
    table.parentElement.getBoundingClientRect().right + 0.5)
  .map((table) => table.parentElement.getAttribute("aria-label"))`;

/** Counts the charts that are there when the browser itself prepares a print. */
export const WATCH_PRINT = `addEventListener("beforeprint", () => {
  window.printedCharts = document.querySelectorAll("svg.print-chart").length;
})`;

/** Brings every chart near the screen once, so that all are drawn; returns how many there are. */
export async function drawAll(page: Page): Promise<number> {
  return await page.evaluate(DRAW_ALL) as number;
}

/** Ids of charts with hardly a painted pixel. */
export async function blankCharts(page: Page): Promise<string[]> {
  return await page.evaluate(BLANK_CHARTS) as string[];
}
