/**
 * Draws a chart as SVG text, for print: Chart.js paints on a context that writes down what it is
 * told. Text is measured by a real canvas; gradients, images and clipping are not supported,
 * because the charts of this page use none and their data stays inside the axes.
 *
 * @module
 */

/** Text baselines of the canvas -> SVG. */
const BASELINES = { top: "hanging", hanging: "hanging", middle: "central", bottom: "auto" };
/** Text alignments of the canvas -> SVG. */
const ANCHORS = { center: "middle", right: "end", end: "end" };

/** @param {unknown} text */
function escapeSvg(text) {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return String(text).replace(/[&<>"]/g, (char) => entities[char]);
}

/**
 * A drawing context that records SVG elements.
 *
 * @param {HTMLCanvasElement} canvas What Chart.js believes it draws on.
 * @param {CanvasRenderingContext2D} ruler Measures text.
 */
function recordingContext(canvas, ruler) {
  const elements = [];
  const saved = [];
  let matrix = [1, 0, 0, 1, 0, 0];
  let path = "";
  let dash = [];
  const round = (value) => Math.round(value * 100) / 100;
  const multiply = ([a, b, c, d, e, f]) => {
    const [m, n, o, p, q, r] = matrix;
    matrix = [
      m * a + o * b,
      n * a + p * b,
      m * c + o * d,
      n * c + p * d,
      m * e + o * f + q,
      n * e + p * f + r,
    ];
  };
  const place = () =>
    matrix.join() === "1,0,0,1,0,0" ? "" : ` transform="matrix(${matrix.map(round).join(" ")})"`;
  const alpha = () => context.globalAlpha === 1 ? "" : ` opacity="${context.globalAlpha}"`;
  const strokeLook = () => {
    const dashes = dash.length === 0 ? "" : ` stroke-dasharray="${dash.join(" ")}"`;
    return ` fill="none" stroke="${escapeSvg(context.strokeStyle)}" stroke-width="${
      round(context.lineWidth)
    }"${dashes}`;
  };
  const add = (look) => {
    if (path !== "") elements.push(`<path d="${path}"${look}${place()}${alpha()}/>`);
  };
  const properties = [
    "fillStyle",
    "strokeStyle",
    "lineWidth",
    "lineCap",
    "lineJoin",
    "font",
    "textAlign",
    "textBaseline",
    "globalAlpha",
    "lineDashOffset",
  ];
  const context = {
    canvas,
    elements,
    fillStyle: "#000",
    strokeStyle: "#000",
    lineWidth: 1,
    lineCap: "butt",
    lineJoin: "miter",
    lineDashOffset: 0,
    font: "10px sans-serif",
    textAlign: "start",
    textBaseline: "alphabetic",
    globalAlpha: 1,
    save: () => saved.push([matrix, dash, properties.map((name) => context[name])]),
    restore: () => {
      const last = saved.pop();
      if (last === undefined) return;
      [matrix, dash] = last;
      properties.forEach((name, position) => context[name] = last[2][position]);
    },
    beginPath: () => path = "",
    closePath: () => path += "Z",
    moveTo: (x, y) => path += `M${round(x)} ${round(y)}`,
    lineTo: (x, y) => path += `${path === "" ? "M" : "L"}${round(x)} ${round(y)}`,
    bezierCurveTo: (...points) => path += `C${points.map(round).join(" ")}`,
    quadraticCurveTo: (...points) => path += `Q${points.map(round).join(" ")}`,
    rect: (x, y, width, height) =>
      path += `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`,
    arc: (x, y, radius, start, end, backwards) => {
      const sweep = backwards ? 0 : 1;
      const at = (angle) =>
        `${round(x + radius * Math.cos(angle))} ${round(y + radius * Math.sin(angle))}`;
      const whole = Math.abs(end - start) >= 2 * Math.PI - 1e-6;
      // An SVG arc cannot be a full turn, so it goes through the opposite point.
      const stops = whole ? [start + Math.PI, start + 2 * Math.PI] : [end];
      const large = !whole && Math.abs(end - start) > Math.PI ? 1 : 0;
      path += `${path === "" ? "M" : "L"}${at(start)}`;
      for (const stop of stops) path += `A${radius} ${radius} 0 ${large} ${sweep} ${at(stop)}`;
    },
    fill: () => add(` fill="${escapeSvg(context.fillStyle)}"`),
    stroke: () => add(strokeLook()),
    fillRect: (x, y, width, height) => {
      path = "";
      context.rect(x, y, width, height);
      context.fill();
    },
    strokeRect: (x, y, width, height) => {
      path = "";
      context.rect(x, y, width, height);
      context.stroke();
    },
    clearRect: () => {},
    clip: () => {},
    setLineDash: (pattern) => dash = pattern,
    getLineDash: () => dash,
    translate: (x, y) => multiply([1, 0, 0, 1, x, y]),
    rotate: (angle) => {
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      multiply([cos, sin, -sin, cos, 0, 0]);
    },
    scale: (x, y) => multiply([x, 0, 0, y, 0, 0]),
    setTransform: (...values) => matrix = values.length === 6 ? values : [1, 0, 0, 1, 0, 0],
    resetTransform: () => matrix = [1, 0, 0, 1, 0, 0],
    measureText: (text) => {
      ruler.font = context.font;
      return ruler.measureText(text);
    },
    fillText: (text, x, y) => {
      const size = /(\d+(?:\.\d+)?)px/.exec(context.font)?.[1] ?? "11";
      const anchor = ANCHORS[context.textAlign] ?? "start";
      const baseline = BASELINES[context.textBaseline] ?? "auto";
      elements.push(
        `<text x="${round(x)}" y="${round(y)}" font-size="${size}" text-anchor="${anchor}"` +
          ` dominant-baseline="${baseline}" fill="${escapeSvg(context.fillStyle)}"${place()}>${
            escapeSvg(text)
          }</text>`,
      );
    },
    strokeText: () => {},
  };
  return context;
}

/**
 * @param {object} Chart The Chart.js constructor.
 * @param {object} config From chartConfig.
 * @param {number} width CSS pixels.
 * @param {number} height CSS pixels.
 * @returns {string} An svg element.
 */
export function chartSvg(Chart, config, width, height) {
  const ruler = document.createElement("canvas").getContext("2d");
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = recordingContext(canvas, ruler);
  canvas.getContext = () => context;
  const options = { ...config.options, responsive: false, devicePixelRatio: 1, events: [] };
  const chart = new Chart(canvas, {
    ...config,
    options,
    platform: Chart.platforms.BasicPlatform,
  });
  context.elements.length = 0;
  chart.draw();
  const body = context.elements.join("");
  chart.destroy();
  return `<svg class="print-chart" viewBox="0 0 ${width} ${height}" aria-hidden="true">${body}</svg>`;
}
