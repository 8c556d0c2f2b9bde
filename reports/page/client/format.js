// @ts-check
/**
 * Writes numbers for people: three significant digits, SI steps, a unit, no locale. Used by the
 * renderer and, inlined, by the charts in the browser, so that both write a number the same way.
 *
 * @module
 */

/** @typedef {{ low: number, high: number }} Range From the spread of a metric, see cells.ts. */

/** A narrow no-break space between number and unit (SI brochure, 5.4.3). */
const GAP = "\u202f";

/** @type {readonly (readonly [number, string])[]} */
const STEPS = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];

/**
 * Three significant digits without exponent; integers below 1000 stay integers.
 * @param {number} value
 * @returns {string}
 */
export function formatNumber(value) {
  return Number.isInteger(value) && Math.abs(value) < 1000 ? String(value) : threeDigits(value);
}

/**
 * Three significant digits, zeros kept, so that numbers of a column end alike.
 * @param {number} value
 * @returns {string}
 */
function threeDigits(value) {
  const magnitude = Math.abs(value);
  if (magnitude >= 99.95) return value.toFixed(0);
  if (magnitude >= 9.995) return value.toFixed(1);
  if (magnitude >= 0.9995) return value.toFixed(2);
  return magnitude >= 0.001 || magnitude === 0 ? value.toFixed(3) : value.toExponential(1);
}

/**
 * Number with k, M or G, three significant digits.
 * @param {number} value
 * @returns {string}
 */
export function formatSi(value) {
  for (const [step, prefix] of STEPS) {
    // 999.5 and above would round up into four digits, so it takes the next prefix.
    if (Math.abs(value) >= step * 0.9995) return threeDigits(value / step) + GAP + prefix;
  }
  return formatNumber(value);
}

/**
 * Nanoseconds as ns, µs, ms or s.
 * @param {number} value
 * @returns {string}
 */
export function formatNs(value) {
  if (Math.abs(value) >= 999.5e6) return `${threeDigits(value / 1e9)}${GAP}s`;
  if (Math.abs(value) >= 999.5e3) return `${threeDigits(value / 1e6)}${GAP}ms`;
  if (Math.abs(value) >= 999.5) return `${threeDigits(value / 1e3)}${GAP}µs`;
  return `${formatNumber(value)}${GAP}ns`;
}

/**
 * A label of an axis: its value without zeros that say nothing, `20 k/s` for `20.0 k/s`.
 * @param {number} value
 * @param {string} unit
 * @returns {string}
 */
export function formatTick(value, unit) {
  return formatValue(value, unit).replace(/(\.\d*?)0+(?!\d)/, "$1").replace(/\.(?!\d)/, "");
}

/**
 * A value with its unit.
 * @param {number} value
 * @param {string} unit One of metrics.ts' units.
 * @returns {string}
 */
export function formatValue(value, unit) {
  switch (unit) {
    case "ns":
      return formatNs(value);
    case "ns/trans":
      return `${formatNs(value)}/trans`;
    case "ns/MB":
      return `${formatNs(value)}/MB`;
    case "share":
      return `${formatNumber(value * 100)}${GAP}%`;
    case "bit/s":
    case "trans/s":
      return joinUnit(formatSi(value), unit);
    case "1/s":
      return joinUnit(formatSi(value), "/s");
    default:
      return formatSi(value);
  }
}

/**
 * "9.2 G" + "bit/s" is "9.2 Gbit/s", "5" + "/s" is "5 /s".
 * @param {string} text
 * @param {string} unit
 * @returns {string}
 */
function joinUnit(text, unit) {
  return /[kMG]$/.test(text) ? text + unit : text + GAP + unit;
}

/**
 * A ratio to the reference, two decimals: `0.71×`.
 * @param {number} ratio
 * @returns {string}
 */
export function formatRatio(ratio) {
  return `${ratio >= 100 ? ratio.toFixed(0) : ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2)}×`;
}

/**
 * Range of ratios, `0.69–0.73`.
 * @param {Range} spread
 * @returns {string}
 */
export function formatRatioRange(spread) {
  return `${formatRatio(spread.low).slice(0, -1)}–${formatRatio(spread.high).slice(0, -1)}`;
}

/**
 * Range of values, the unit once where both share it: `81–86 µs`, `980 ns–1.02 µs`.
 * @param {Range} spread
 * @param {string} unit
 * @returns {string}
 */
export function formatRange(spread, unit) {
  const [low, high] = [formatValue(spread.low, unit), formatValue(spread.high, unit)];
  const [number, ...rest] = low.split(GAP);
  const sameUnit = rest.length > 0 && high.endsWith(GAP + rest.join(GAP));
  return `${sameUnit ? number : low}–${high}`;
}

/**
 * "1 seed", "3 seeds".
 * @param {number} count
 * @param {string} noun
 * @returns {string}
 */
export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * "a", "a and b", "a, b and c".
 * @param {readonly string[]} words
 * @returns {string}
 */
export function joinWords(words) {
  if (words.length <= 1) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/**
 * x = 1/(1-q) as a percentile, with as many nines as it needs.
 * @param {number} x
 * @returns {string}
 */
export function percentileLabel(x) {
  const digits = Math.max(0, Math.floor(Math.log10(x) + 1e-9) - 1);
  return `${Number((100 * (1 - 1 / x)).toFixed(digits + (x < 10 ? 0 : 1)))} %`;
}
