/**
 * What all charts share: how an axis looks, and the small plug-ins that draw whiskers, bands and
 * names. They use only what svg.js can write down, so that print and static pages show them, too.
 *
 * @module
 */

/** Options of a scale in the look of the page. */
export function scaleLook(look, extra) {
  const { ticks, title, ...rest } = extra;
  return {
    border: { display: false },
    grid: { color: look.line, drawTicks: false },
    ...rest,
    ...(title === undefined ? {} : {
      title: {
        display: true,
        text: title,
        color: look.quiet,
        font: { family: look.font, size: 11 },
      },
    }),
    ticks: {
      color: look.quiet,
      padding: 6,
      maxRotation: 0,
      font: { family: look.font, size: 11 },
      ...ticks,
    },
  };
}

/** Ticks of a logarithmic axis at 1, 2 and 5 of each decade; no others have room for a label. */
export function oneTwoFive(axis) {
  axis.ticks = axis.ticks.filter(({ value }) => {
    const lead = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
    return [1, 2, 5].some((digit) => Math.abs(lead - digit) < 1e-6);
  });
}

/** Ticks of a logarithmic axis at whole decades, where there are many. */
export function decades(axis) {
  axis.ticks = axis.ticks.filter(({ value }) =>
    Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6
  );
}

/** Draws a line with ends from low to high over each bar of a horizontal bar chart. */
export function whiskers(spans, look) {
  return {
    id: "whiskers",
    afterDatasetsDraw({ ctx, scales }) {
      ctx.save();
      ctx.strokeStyle = look.text;
      ctx.lineWidth = 1.5;
      spans.forEach(({ low, high }, position) => {
        if (low === high) return;
        const [left, right] = [scales.x.getPixelForValue(low), scales.x.getPixelForValue(high)];
        const y = scales.y.getPixelForValue(position);
        ctx.beginPath();
        for (
          const [from, to] of [[[left, y], [right, y]], [[left, y - 5], [left, y + 5]], [[
            right,
            y - 5,
          ], [right, y + 5]]]
        ) {
          ctx.moveTo(from[0], from[1]);
          ctx.lineTo(to[0], to[1]);
        }
        ctx.stroke();
      });
      ctx.restore();
    },
  };
}

/** Fills between two lines given in values of the axes. */
export function band(xs, lows, highs, colour) {
  return {
    id: "band",
    beforeDatasetsDraw({ ctx, scales }) {
      const at = (values, k) => [
        scales.x.getPixelForValue(xs[k]),
        scales.y.getPixelForValue(values[k]),
      ];
      ctx.save();
      ctx.globalAlpha = 0.25;
      ctx.fillStyle = colour;
      ctx.beginPath();
      xs.forEach((_, k) => k === 0 ? ctx.moveTo(...at(lows, k)) : ctx.lineTo(...at(lows, k)));
      for (let k = xs.length - 1; k >= 0; k--) ctx.lineTo(...at(highs, k));
      ctx.closePath();
      ctx.fill();
      ctx.restore();
    },
  };
}

/** A line across the chart at a value of the y axis, for the annotation plugin. */
export function levelLine(value, look) {
  return {
    annotations: {
      level: {
        type: "line",
        yMin: value,
        yMax: value,
        borderColor: look["line-strong"],
        borderWidth: 1,
        borderDash: [3, 2],
        drawTime: "beforeDatasetsDraw",
      },
    },
  };
}

/**
 * A numbered line across time for each thing that was done, for the annotation plugin.
 *
 * @param {"start" | "end"} top Which end of the y axis is at the top.
 */
export function markLines(figure, look, top) {
  // What was done at one time shares a line and its numbers.
  const numbers = new Map();
  figure.marks.forEach(({ at_ns: at }, index) => {
    numbers.set(at, [...numbers.get(at) ?? [], index + 1]);
  });
  const lines = [...numbers].map(([at, all]) => [`mark${all[0]}`, {
    type: "line",
    xMin: at,
    xMax: at,
    borderColor: look.text,
    borderWidth: 1,
    borderDash: [4, 3],
    label: {
      display: true,
      content: all.length > 2 ? `${all[0]}–${all.at(-1)}` : all.join(", "),
      position: top,
      yAdjust: -15,
      padding: 1,
      backgroundColor: look.ground,
      color: look.text,
      font: { family: look.font, size: 11, weight: "normal" },
      borderRadius: 0,
      z: 1,
    },
  }]);
  return { clip: false, annotations: Object.fromEntries(lines) };
}

/**
 * How the line of a policy looks: colour, dashes and, here and there, its marker; shifted per
 * policy, so that none hides another.
 */
export function lineLook(variant, pointCount, index, markerEvery) {
  return {
    label: variant.label,
    borderColor: variant.colour,
    backgroundColor: variant.colour,
    borderDash: variant.dash,
    borderWidth: 2,
    // With a segment option Chart.js strokes directly; its cached Path2D could not be printed.
    segment: {},
    pointStyle: variant.marker,
    pointRadius: Array.from(
      { length: pointCount },
      (_, k) => k % markerEvery === (index * 3) % markerEvery ? 4 : 0,
    ),
    pointHoverRadius: 5,
  };
}

/** Height that a word beside a point takes, pixels. */
const WORD_HEIGHT = 14;

/** Whether two boxes, each given by its middle and half its size, have a part in common. */
function overlap(a, b) {
  return Math.abs(a.x - b.x) < a.halfWidth + b.halfWidth &&
    Math.abs(a.y - b.y) < a.halfHeight + b.halfHeight;
}

/**
 * Writes a word beside each point: right, left, below or above, the first that covers neither a
 * mark nor another word and stays in the chart.
 */
export function names(points, look) {
  return {
    id: "names",
    afterDatasetsDraw({ ctx, scales, chartArea }) {
      ctx.save();
      ctx.fillStyle = look.text;
      ctx.font = `12px ${look.font}`;
      ctx.textBaseline = "middle";
      ctx.textAlign = "center";
      const marks = points.map(({ x, y, gap }) => ({
        x: scales.x.getPixelForValue(x),
        y: scales.y.getPixelForValue(y),
        halfWidth: gap - 3,
        halfHeight: gap - 3,
      }));
      const taken = [...marks];
      points.forEach(({ word, gap }, index) => {
        const { x, y } = marks[index];
        const halfWidth = ctx.measureText(word).width / 2;
        const places = [[gap + halfWidth, 0], [-gap - halfWidth, 0], [0, gap + 6], [0, -gap - 6]]
          .map(([right, down]) => ({
            x: x + right,
            y: y + down,
            halfWidth,
            halfHeight: WORD_HEIGHT / 2,
          }));
        const isFree = (place) =>
          place.x - halfWidth >= chartArea.left && place.x + halfWidth <= chartArea.right &&
          !taken.some((other) => overlap(place, other));
        const place = places.find(isFree) ?? places[0];
        taken.push(place);
        ctx.fillText(word, place.x, place.y);
      });
      ctx.restore();
    },
  };
}
