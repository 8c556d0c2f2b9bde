/**
 * Wires the page: draws charts when they come near the screen, keeps the reader's choices in the
 * address, answers keys, makes the exports and the print version. Makes no request.
 *
 * @module
 */

import { chartConfig, describePoint, elementsAt, placeCount } from "./charts.js";
import { toCsv, toMarkdown } from "./export.js";
import { figureTable, tableToCsv, tableToMarkdown } from "./figure_table.js";
import { DEFAULT_STATE, formatState, parseState } from "./state.js";
import { chartSvg, svgSize } from "./svg.js";

const THEMES = ["auto", "light", "dark"];

/** Choices of the tool bar: id of the element and name in the state. */
const SELECTS = ["workload", "mechanism", "metric", "scale"];

const data = JSON.parse(document.getElementById("page-data").textContent);
const root = document.documentElement;
const darkQuery = matchMedia("(prefers-color-scheme: dark)");
const chartJs = { Chart, BasicPlatform: Chart.platforms.BasicPlatform };
const charts = new Map();
let state = DEFAULT_STATE;

function byId(id) {
  return document.getElementById(id);
}

function announce(text) {
  const region = byId("announce");
  if (region !== null) region.textContent = text;
}

function hiddenIndices() {
  const isHidden = ({ label, mechanism }) =>
    state.hide.includes(label) || (state.mechanism !== "" && state.mechanism !== mechanism);
  return new Set(data.variants.filter(isHidden).map((variant) => variant.index));
}

function currentTheme() {
  return state.theme === "auto" ? (darkQuery.matches ? "dark" : "light") : state.theme;
}

/** Colours of a theme for charts.js; print asks for the light one. */
function lookOf(theme) {
  return {
    ...data.themes[theme],
    font: getComputedStyle(document.body).fontFamily,
    scale: state.scale,
    heat: state.heat,
    variants: data.variants.map((variant) => ({ ...variant, colour: variant[theme] })),
    parts: data.parts.map((part) => ({ key: part.key, colour: part[theme] })),
  };
}

function figureOf(canvas) {
  return data.figures[canvas.dataset.figure];
}

function panelOf(canvas) {
  return Number(canvas.dataset.panel);
}

function drawChart(canvas) {
  charts.get(canvas)?.destroy();
  const config = chartConfig(
    figureOf(canvas),
    lookOf(currentTheme()),
    hiddenIndices(),
    panelOf(canvas),
  );
  charts.set(canvas, new Chart(canvas, config));
}

function redrawCharts() {
  for (const canvas of charts.keys()) drawChart(canvas);
}

/** Draws each chart once, shortly before it scrolls into view. */
function watchCharts() {
  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      drawChart(target);
    }
  }, { rootMargin: "600px" });
  for (const canvas of document.querySelectorAll("canvas")) {
    observer.observe(canvas);
    canvas.addEventListener("keydown", (event) => moveTooltip(event, canvas));
    canvas.addEventListener("blur", () => setTooltip(canvas, -1));
  }
}

function moveTooltip(event, canvas) {
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const chart = charts.get(canvas);
  if (chart === undefined) return;
  if (event.key === "Escape") return setTooltip(canvas, -1);
  const step = steps[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const count = placeCount(figureOf(canvas), chart);
  const from = chart.keyboardPosition ?? (step > 0 ? -1 : 0);
  setTooltip(canvas, (from + step + count) % count);
}

function setTooltip(canvas, position) {
  const chart = charts.get(canvas);
  if (chart === undefined || (position < 0 && chart.keyboardPosition === undefined)) return;
  chart.keyboardPosition = position < 0 ? undefined : position;
  const active = position < 0 ? [] : elementsAt(figureOf(canvas), chart, position);
  chart.setActiveElements(active);
  chart.tooltip.setActiveElements(active, { x: 0, y: 0 });
  chart.update();
  if (position < 0) return;
  const look = lookOf(currentTheme());
  announce(describePoint(figureOf(canvas), look, hiddenIndices(), position, panelOf(canvas)));
}

/** A choice that an old link names and this page does not offer falls back to the first. */
function setSelect(name) {
  const select = byId(name);
  if (select === null) return;
  select.value = state[name];
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}

/** Makes the page show the state; the only place that touches what is visible. */
function applyState() {
  if (state.theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = state.theme;
  byId("theme").textContent = `Theme: ${state.theme}`;
  const hidden = hiddenIndices();
  root.dataset.hide = [...hidden].join(" ");
  for (const button of document.querySelectorAll("[data-legend]")) {
    button.setAttribute("aria-pressed", String(!hidden.has(Number(button.dataset.legend))));
  }
  for (const name of SELECTS) setSelect(name);
  for (const select of document.querySelectorAll("[data-choice]")) {
    select.value = state[select.dataset.choice];
  }
  const metric = byId("metric")?.value ?? "main";
  root.toggleAttribute("data-other-metric", metric !== "main");
  for (const row of document.querySelectorAll("tr[data-metric]")) {
    row.hidden = metric === "main" ? row.dataset.main === undefined : row.dataset.metric !== metric;
  }
  const workload = byId("workload")?.value ?? "";
  for (const part of document.querySelectorAll("[data-w]")) {
    part.classList.toggle("off", workload !== "" && part.dataset.w !== workload);
  }
  redrawCharts();
}

function change(part) {
  state = { ...state, ...part };
  const fragment = formatState(state);
  history.replaceState(null, "", fragment === "" ? "#" : `#${fragment}`);
  applyState();
}

function show(id) {
  const target = byId(id);
  if (target === null) return;
  target.scrollIntoView();
  (byId(`${id}-title`) ?? target).focus({ preventScroll: true });
}

function readAddress() {
  state = parseState(location.hash);
  applyState();
  if (state.at !== "") show(state.at);
}

function toggleVariant(index) {
  const { label } = data.variants[index];
  const hide = state.hide.includes(label)
    ? state.hide.filter((each) => each !== label)
    : [...state.hide, label];
  if (data.variants.every((variant) => hide.includes(variant.label))) {
    announce("One policy must stay visible.");
    return;
  }
  change({ hide });
  announce(`${label} ${hide.includes(label) ? "hidden" : "shown"}`);
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // The clipboard needs a permission that a file may not have; a selection does not.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  announce(`${what} copied`);
}

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  announce(`${name} saved`);
}

/** The data of one chart, as it is drawn: hidden policies are left out. */
function exportFigure(id, format) {
  const figure = data.figures[id];
  const table = figureTable(figure, data.variants, hiddenIndices());
  const name = `netpolicy-${id}.${format}`;
  if (format === "csv") save(name, "text/csv", tableToCsv(table));
  else if (format === "json") {
    const named = { title: figure.title, ...table };
    save(name, "application/json", JSON.stringify(named, null, 2));
  } else copy(tableToMarkdown(table), "Markdown");
}

function wireControls() {
  for (const button of document.querySelectorAll("[data-legend]")) {
    button.addEventListener("click", () => toggleVariant(Number(button.dataset.legend)));
  }
  for (const name of SELECTS) {
    byId(name)?.addEventListener("change", (event) => change({ [name]: event.target.value }));
  }
  for (const select of document.querySelectorAll("[data-choice]")) {
    select.addEventListener("change", () => change({ [select.dataset.choice]: select.value }));
  }
  byId("theme").addEventListener("click", () => {
    change({ theme: THEMES[(THEMES.indexOf(state.theme) + 1) % THEMES.length] });
  });
  byId("copy-link")?.addEventListener("click", () => copy(location.href, "Link"));
  byId("copy-markdown")?.addEventListener("click", () => {
    const shown = data.variants.filter((variant) => !state.hide.includes(variant.label));
    copy(toMarkdown(data.results, shown), "Markdown");
  });
  byId("save-csv")?.addEventListener("click", () => {
    save("netpolicy-results.csv", "text/csv", toCsv(data.results));
  });
  byId("save-json")?.addEventListener("click", () => {
    const text = JSON.stringify({ schema: data.schema, results: data.results }, null, 2);
    save("netpolicy-results.json", "application/json", text);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-export]");
    if (button) exportFigure(button.dataset.for, button.dataset.export);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (!link || link.classList.contains("skip")) return;
    event.preventDefault();
    const at = link.getAttribute("href").slice(1);
    change({ at });
    show(at);
  });
  addEventListener("hashchange", readAddress);
  darkQuery.addEventListener("change", applyState);
}

/** Before print: every chart as SVG in the light theme, every detail open. */
function preparePrint() {
  undoPrint();
  const look = lookOf("light");
  for (const canvas of document.querySelectorAll("canvas")) {
    const figure = figureOf(canvas);
    const [width, height] = svgSize(figure);
    const config = chartConfig(figure, look, hiddenIndices(), panelOf(canvas));
    const surface = {
      canvas: document.createElement("canvas"),
      ruler: document.createElement("canvas").getContext("2d"),
    };
    const holder = document.createElement("div");
    holder.className = "print-only";
    holder.innerHTML = chartSvg(chartJs, config, width, height, surface);
    canvas.parentElement.after(holder);
  }
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.open = true;
    details.dataset.opened = "";
  }
}

function undoPrint() {
  for (const holder of document.querySelectorAll(".print-only")) holder.remove();
  for (const details of document.querySelectorAll("details[data-opened]")) {
    details.open = false;
    delete details.dataset.opened;
  }
}

wireControls();
readAddress();
watchCharts();
addEventListener("beforeprint", preparePrint);
addEventListener("afterprint", undoPrint);
root.dataset.ready = "";
