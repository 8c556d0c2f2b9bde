/** Contrast and colour-blind safety of the page's colours, computed in both themes. */

import assert from "node:assert/strict";
import {
  contrast,
  CPU_PARTS,
  HEAT_LEVELS,
  SERIES,
  SURFACE,
  type Theme,
} from "../../reports/page/palette.ts";

const THEMES: readonly Theme[] = ["light", "dark"];

/** Linear RGB -> what dichromats see (G. Machado et al., IEEE TVCG 15, 2009, severity 1.0). */
const VISIONS: Readonly<Record<string, readonly (readonly number[])[]>> = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [
    -0.003882,
    -0.048116,
    1.051998,
  ]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [
    -0.01182,
    0.04294,
    0.968881,
  ]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [
    0.004733,
    0.691367,
    0.3039,
  ]],
};

function linearRgb(colour: string): number[] {
  return [1, 3, 5].map((start) => {
    const channel = parseInt(colour.slice(start, start + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
}

/** CIELAB (D65) of a colour as a kind of vision sees it. */
function labOf(colour: string, vision: readonly (readonly number[])[]): number[] {
  const source = linearRgb(colour);
  const [r, g, b] = vision.map((row) =>
    Math.min(1, Math.max(0, row.reduce((sum, weight, k) => sum + weight * source[k]!, 0)))
  ) as [number, number, number];
  const xyz = [
    (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
    0.2126 * r + 0.7152 * g + 0.0722 * b,
    (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
  ];
  const [x, y, z] = xyz.map((value) =>
    value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116
  ) as [number, number, number];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** CIE76 colour difference; about 2.3 is just noticeable. */
function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((value, k) => value - b[k]!));
}

Deno.test("contrast agrees with WCAG's extremes and a published pair", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.equal(contrast("#777777", "#777777"), 1);
  // WebAIM's example: #767676 is the lightest grey with 4.5:1 on white.
  assert.ok(contrast("#767676", "#ffffff") >= 4.5 && contrast("#777777", "#ffffff") < 4.5);
});

Deno.test("Text has 4.5:1 on every ground it stands on, in both themes", () => {
  for (const theme of THEMES) {
    const surface = SURFACE[theme];
    for (const [name, ground] of Object.entries(surface)) {
      if (!/^(ground|sunken|better|worse)/.test(name)) continue;
      assert.ok(contrast(surface["text"]!, ground) >= 4.5, `text on ${name}, ${theme}`);
    }
    for (const name of ["quiet", "accent"]) {
      assert.ok(contrast(surface[name]!, surface["ground"]!) >= 4.5, `${name}, ${theme}`);
    }
  }
});

Deno.test("Every series and every part of CPU time has 3:1 against its ground", () => {
  for (const theme of THEMES) {
    const ground = SURFACE[theme]["ground"]!;
    SERIES.forEach((style, slot) => {
      assert.ok(contrast(style[theme], ground) >= 3, `series ${slot}, ${theme}`);
    });
    for (const part of CPU_PARTS.filter((each) => each.key !== "idle")) {
      assert.ok(contrast(part[theme], ground) >= 3, `${part.key}, ${theme}`);
    }
    // Idle is the absence of work: it must recede, and its swatch has an outline instead.
    assert.ok(contrast(SURFACE[theme]["line-strong"]!, ground) >= 3, `outline, ${theme}`);
  }
});

Deno.test("Parts of CPU time that touch in a stack differ for every kind of vision", () => {
  for (const theme of THEMES) {
    for (const [name, vision] of Object.entries(VISIONS)) {
      for (let k = 1; k < CPU_PARTS.length; k++) {
        const [below, above] = [CPU_PARTS[k - 1]!, CPU_PARTS[k]!];
        const delta = distance(labOf(below[theme], vision), labOf(above[theme], vision));
        assert.ok(delta > 15, `${below.key}/${above.key}, ${name}, ${theme}: ${delta.toFixed(1)}`);
      }
    }
  }
});

Deno.test("Series differ in colour for every kind of vision, and always in dash and marker", () => {
  for (const theme of THEMES) {
    for (const [name, vision] of Object.entries(VISIONS)) {
      forPairs((a, b) => {
        const [first, second] = [SERIES[a]![theme], SERIES[b]![theme]];
        const delta = distance(labOf(first, vision), labOf(second, vision));
        assert.ok(delta > 20, `series ${a}/${b}, ${name}, ${theme}: ${delta.toFixed(1)}`);
      });
    }
  }
  forPairs((a, b) => {
    assert.notEqual(SERIES[a]!.marker, SERIES[b]!.marker);
    assert.notDeepEqual(SERIES[a]!.dash, SERIES[b]!.dash);
  });
});

function forPairs(check: (a: number, b: number) => void): void {
  for (let a = 0; a < SERIES.length; a++) {
    for (let b = a + 1; b < SERIES.length; b++) check(a, b);
  }
}

Deno.test("Each step of a heat map is farther from the ground, the last seen by anyone, in both themes", () => {
  for (const theme of THEMES) {
    const ground = SURFACE[theme]["ground"]!;
    const steps = Array.from({ length: HEAT_LEVELS }, (_, k) => SURFACE[theme][`heat-${k + 1}`]!);
    const contrasts = steps.map((step) => contrast(step, ground));
    contrasts.forEach((own, k) => {
      const before = contrasts[k - 1] ?? 1;
      assert.ok(own >= 1.2 * before, `step ${k + 1} of ${theme}: ${own} after ${before}`);
    });
    assert.ok(contrasts.at(-1)! >= 7, `${theme}: ${contrasts}`);
    assert.equal(SURFACE[theme][`heat-${HEAT_LEVELS + 1}`], undefined);
  }
});
