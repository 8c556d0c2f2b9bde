/**
 * Draws a chart as SVG text, for print and for pages without scripts: Chart.js paints on a context
 * that writes down what it is told. Something else measures text; gradients, images and clipping are not supported,
 * because the charts of this page use none and their data stays inside the axes.
 *
 * @module
 */

/** Size of a drawing by kind of figure, CSS pixels. */
const SVG_SIZES = {
  bars: [440, 190],
  curve: [680, 290],
  cpu: [320, 140],
  difference: [320, 180],
  history: [440, 210],
  load: [440, 250],
  timeline: [360, 190],
  tradeoff: [440, 260],
};

/** Width of a heat map, and its height without rows and per row. */
const HEAT_SIZE = { width: 360, frame: 46, row: 12 };

/**
 * Size of a drawing, CSS pixels.
 *
 * @param {object} figure
 * @returns {readonly [number, number]}
 */
export function svgSize(figure) {
  if (figure.kind !== "heat") return SVG_SIZES[figure.kind];
  const { width, frame, row } = HEAT_SIZE;
  const { queues, cpus } = figure.panels[0];
  return [width, frame + row * Math.max(queues.length, cpus.length)];
}

/** Text baselines of the canvas -> SVG. */
const BASELINES = { top: "hanging", hanging: "hanging", middle: "central", bottom: "auto" };
/** Text alignments of the canvas -> SVG. */
const ANCHORS = { center: "middle", right: "end", end: "end" };

/** Size of most texts, told once for a drawing. */
const DEFAULT_SIZE = "11";

const IDENTITY = [1, 0, 0, 1, 0, 0];

/** Properties of a drawing context that save() keeps. */
const SAVED = [
  "fillStyle",
  "strokeStyle",
  "lineWidth",
  "lineCap",
  "lineJoin",
  "lineDashOffset",
  "font",
  "textAlign",
  "textBaseline",
  "globalAlpha",
  "matrix",
  "dash",
];

/** @param {unknown} text */
function escapeSvg(text) {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return String(text).replace(/[&<>"]/g, (char) => entities[char]);
}

/** An attribute, left out where the drawing as a whole says the same. */
function attributeUnless(name, value, inherited) {
  return value === inherited ? "" : ` ${name}="${value}"`;
}

/** @param {number} value Tenths of a pixel are as much as paper shows. */
function shortNumber(value) {
  return Math.round(value * 10) / 10;
}

/** The part of CanvasRenderingContext2D that Chart.js uses for these charts, recording SVG. */
class RecordingContext {
  fillStyle = "#000";
  strokeStyle = "#000";
  lineWidth = 1;
  lineCap = "butt";
  lineJoin = "miter";
  lineDashOffset = 0;
  font = "10px sans-serif";
  textAlign = "start";
  textBaseline = "alphabetic";
  globalAlpha = 1;
  matrix = IDENTITY;
  dash = [];
  path = "";
  /** Where the path has come to. */
  at = [0, 0];
  saved = [];
  /** What was drawn, in order. */
  elements = [];

  /**
   * @param {HTMLCanvasElement} canvas What Chart.js believes it draws on.
   * @param {CanvasRenderingContext2D} ruler Measures text.
   */
  constructor(canvas, ruler) {
    this.canvas = canvas;
    this.ruler = ruler;
  }

  save() {
    this.saved.push(SAVED.map((name) => this[name]));
  }
  restore() {
    const values = this.saved.pop();
    values?.forEach((value, position) => this[SAVED[position]] = value);
  }

  beginPath() {
    this.path = "";
  }
  closePath() {
    this.path += "Z";
    // Back at the start, which no one remembers: the next line is written in full.
    this.at = [NaN, NaN];
  }
  moveTo(x, y) {
    this.at = [shortNumber(x), shortNumber(y)];
    this.path += `M${this.at.join(" ")}`;
  }
  lineTo(x, y) {
    if (this.path === "") return this.moveTo(x, y);
    const [left, top] = this.at;
    this.at = [shortNumber(x), shortNumber(y)];
    const [right, bottom] = this.at;
    if (left === right && top === bottom) return;
    if (top === bottom) this.path += `H${right}`;
    else if (left === right) this.path += `V${bottom}`;
    else this.path += `L${right} ${bottom}`;
  }
  bezierCurveTo(...points) {
    this.at = points.slice(-2).map(shortNumber);
    this.path += `C${points.map(shortNumber).join(" ")}`;
  }
  rect(x, y, width, height) {
    const [w, h] = [shortNumber(width), shortNumber(height)];
    this.path += `M${shortNumber(x)} ${shortNumber(y)}h${w}v${h}h${-w}z`;
  }
  arc(x, y, radius, start, end, backwards) {
    // The corner of a rectangle that is not rounded.
    if (radius === 0) return this.lineTo(x, y);
    const at = (angle) =>
      `${shortNumber(x + radius * Math.cos(angle))} ${shortNumber(y + radius * Math.sin(angle))}`;
    const whole = Math.abs(end - start) >= 2 * Math.PI - 1e-6;
    // An SVG arc cannot be a full turn, so it goes through the opposite point.
    const stops = whole ? [start + Math.PI, start + 2 * Math.PI] : [end];
    const large = !whole && Math.abs(end - start) > Math.PI ? 1 : 0;
    this.path += `${this.path === "" ? "M" : "L"}${at(start)}`;
    for (const stop of stops) {
      this.path += `A${radius} ${radius} 0 ${large} ${backwards ? 0 : 1} ${at(stop)}`;
      this.at = at(stop).split(" ").map(Number);
    }
  }

  fill() {
    this.#add(`fill="${escapeSvg(this.fillStyle)}"`);
  }
  stroke() {
    const dashes = this.dash.length === 0 ? "" : ` stroke-dasharray="${this.dash.join(" ")}"`;
    const width = shortNumber(this.lineWidth);
    this.#add(
      `fill="none" stroke="${escapeSvg(this.strokeStyle)}" stroke-width="${width}"${dashes}`,
    );
  }
  fillRect(x, y, width, height) {
    this.path = "";
    this.rect(x, y, width, height);
    this.fill();
  }
  strokeRect(x, y, width, height) {
    this.path = "";
    this.rect(x, y, width, height);
    this.stroke();
  }
  #add(look) {
    if (this.path === "") return;
    const opacity = this.globalAlpha === 1 ? "" : ` opacity="${this.globalAlpha}"`;
    const attributes = `${look}${this.#place()}${opacity}`;
    const last = this.elements.at(-1);
    // What is drawn alike in a row is one element: grids and stacks are many small paths.
    if (opacity === "" && last?.attributes === attributes) last.path += this.path;
    else this.elements.push({ path: this.path, attributes });
  }
  #place() {
    if (this.matrix.every((value, position) => value === IDENTITY[position])) return "";
    return ` transform="matrix(${
      this.matrix.map((value) => Math.round(value * 100) / 100).join(" ")
    })"`;
  }

  /** All that was drawn, as markup. */
  markup() {
    return this.elements.map((element) =>
      typeof element === "string" ? element : `<path d="${element.path}" ${element.attributes}/>`
    ).join("");
  }

  clearRect() {}
  clip() {}
  strokeText() {}
  fillText(text, x, y) {
    const size = /(\d+(?:\.\d+)?)px/.exec(this.font)?.[1] ?? "11";
    const [a, b, c, d, e, f] = this.matrix;
    const isShift = a === 1 && b === 0 && c === 0 && d === 1;
    const [left, top] = isShift ? [x + e, y + f] : [x, y];
    const attributes = [
      `x="${shortNumber(left)}" y="${shortNumber(top)}"`,
      size === DEFAULT_SIZE ? "" : ` font-size="${size}"`,
      attributeUnless("text-anchor", ANCHORS[this.textAlign] ?? "start", "start"),
      attributeUnless("dominant-baseline", BASELINES[this.textBaseline] ?? "auto", "central"),
      ` fill="${escapeSvg(this.fillStyle)}"`,
      isShift ? "" : this.#place(),
    ].join("");
    this.elements.push(`<text ${attributes}>${escapeSvg(text)}</text>`);
  }
  measureText(text) {
    this.ruler.font = this.font;
    return this.ruler.measureText(text);
  }
  setLineDash(pattern) {
    this.dash = pattern;
  }
  getLineDash() {
    return this.dash;
  }

  translate(x, y) {
    this.#multiply([1, 0, 0, 1, x, y]);
  }
  rotate(angle) {
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    this.#multiply([cos, sin, -sin, cos, 0, 0]);
  }
  scale(x, y) {
    this.#multiply([x, 0, 0, y, 0, 0]);
  }
  setTransform(...values) {
    this.matrix = values.length === 6 ? values : IDENTITY;
  }
  resetTransform() {
    this.matrix = IDENTITY;
  }
  #multiply([a, b, c, d, e, f]) {
    const [m, n, o, p, q, r] = this.matrix;
    this.matrix = [
      m * a + o * b,
      n * a + p * b,
      m * c + o * d,
      n * c + p * d,
      m * e + o * f + q,
      n * e + p * f + r,
    ];
  }
}

/**
 * @param {object} chartJs Its Chart and BasicPlatform.
 * @param {object} config From chartConfig.
 * @param {number} width CSS pixels.
 * @param {number} height CSS pixels.
 * @param {{ canvas: object, ruler: object }} surface What Chart.js believes it draws on, and what
 * measures text.
 * @returns {string} An svg element.
 */
export function chartSvg({ Chart, BasicPlatform }, config, width, height, { canvas, ruler }) {
  canvas.width = width;
  canvas.height = height;
  const context = new RecordingContext(canvas, ruler);
  canvas.getContext = () => context;
  const options = { ...config.options, responsive: false, devicePixelRatio: 1, events: [] };
  const chart = new Chart(canvas, { ...config, options, platform: BasicPlatform });
  // Construction paints once; only the last painting counts.
  context.elements.length = 0;
  chart.draw();
  const body = context.markup();
  chart.destroy();
  return `<svg class="print-chart" viewBox="0 0 ${width} ${height}" aria-hidden="true"` +
    ` font-size="${DEFAULT_SIZE}" dominant-baseline="central">${body}</svg>`;
}
