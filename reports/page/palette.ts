/**
 * The colours of the page in both themes, and the second cue of each series.
 *
 * Hues follow M. Okabe and K. Ito's colour-blind-safe set, darkened for white paper and lightened
 * for the dark theme until every series has 3:1 against its ground (WCAG 2.2, 1.4.11); a unit test
 * computes it. No series is told apart by colour alone: each has a dash pattern and a marker.
 *
 * @module
 */

/** Names of the two themes. */
export type Theme = "light" | "dark";

/** How one series looks; the same slot means the same policy on the whole page. */
export interface SeriesStyle {
  readonly light: string;
  readonly dark: string;
  /** Canvas dash pattern, pixels. */
  readonly dash: readonly number[];
  /** Name of a Chart.js point style. */
  readonly marker: string;
}

/** One slot per variant, in the order of DEVICE_POLICIES; the last is for unusual variants. */
export const SERIES: readonly SeriesStyle[] = [
  { light: "#7d8693", dark: "#707d8f", dash: [], marker: "circle" },
  { light: "#0b4a78", dark: "#3a95f0", dash: [6, 3], marker: "rect" },
  { light: "#98410f", dark: "#e97735", dash: [2, 3], marker: "triangle" },
  { light: "#04945a", dark: "#2bd892", dash: [10, 3], marker: "rectRot" },
  { light: "#c43cb6", dark: "#eea0e8", dash: [10, 3, 2, 3], marker: "star" },
  { light: "#16181d", dark: "#f4f4ef", dash: [4, 2, 1, 2], marker: "crossRot" },
];

/** Where CPU time goes, bottom of the stack first; neighbours differ in lightness as well. */
export const CPU_PARTS: readonly {
  readonly key: "user" | "system" | "softirq" | "irq" | "idle";
  readonly light: string;
  readonly dark: string;
}[] = [
  { key: "user", light: "#1d3f66", dark: "#cfe3fa" },
  { key: "system", light: "#3f74ad", dark: "#7fb2e8" },
  { key: "softirq", light: "#b45309", dark: "#f0a24a" },
  { key: "irq", light: "#7c2d12", dark: "#c9662b" },
  { key: "idle", light: "#e7eaee", dark: "#2a313b" },
];

/** Steps of a heat map between nothing and the most there is. */
export const HEAT_LEVELS = 6;

/**
 * Grounds and texts, and the steps of heat maps, each farther from the ground; the style sheets
 * take them as custom properties.
 */
export const SURFACE: Readonly<Record<Theme, Readonly<Record<string, string>>>> = {
  light: {
    ground: "#ffffff",
    sunken: "#f6f7f9",
    line: "#d9dee5",
    "line-strong": "#7d8794",
    text: "#1a1f26",
    quiet: "#525c69",
    accent: "#0b5cad",
    "better-1": "#eaf3fb",
    "better-2": "#d3e6f7",
    "better-3": "#b3d4f0",
    "worse-1": "#fdf3e7",
    "worse-2": "#fae3c8",
    "worse-3": "#f3cd9f",
    "heat-1": "#dce9f6",
    "heat-2": "#b3d0ea",
    "heat-3": "#82b2dc",
    "heat-4": "#4a8cc6",
    "heat-5": "#1f64a5",
    "heat-6": "#0a3a70",
  },
  dark: {
    ground: "#12161c",
    sunken: "#1a2028",
    line: "#2d3540",
    "line-strong": "#7c8896",
    text: "#e8ebef",
    quiet: "#a9b3bf",
    accent: "#7cbcf5",
    "better-1": "#14283a",
    "better-2": "#173a58",
    "better-3": "#1a4c78",
    "worse-1": "#302110",
    "worse-2": "#472f12",
    "worse-3": "#603d13",
    "heat-1": "#1a3550",
    "heat-2": "#1f4d7a",
    "heat-3": "#2a6cab",
    "heat-4": "#4f94d8",
    "heat-5": "#8fc1f2",
    "heat-6": "#dbecfd",
  },
};

/** Relative luminance of `#rrggbb` (WCAG 2.2). */
export function luminance(colour: string): number {
  const channels = [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16) / 255);
  const [red, green, blue] = channels.map((channel) =>
    channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  );
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

/** Contrast ratio of two colours, 1..21 (WCAG 2.2). */
export function contrast(first: string, second: string): number {
  const [dark, light] = [luminance(first), luminance(second)].sort((a, b) => a - b);
  return (light! + 0.05) / (dark! + 0.05);
}

/** Custom properties of one theme, for a style rule. */
export function themeProperties(theme: Theme): string {
  const surface = Object.entries(SURFACE[theme]).map(([name, value]) => `--${name}:${value}`);
  const series = SERIES.map((style, slot) => `--series-${slot}:${style[theme]}`);
  const parts = CPU_PARTS.map((part) => `--cpu-${part.key}:${part[theme]}`);
  return [`color-scheme:${theme}`, ...surface, ...series, ...parts].join(";");
}
