// @ts-check
/**
 * What a reader has chosen, as the fragment of the address: short, readable, only what differs
 * from the default. Pure; main.js applies it.
 *
 * @module
 */

/**
 * @typedef {object} State
 * @property {string} at Id of the part to show, empty for the top.
 * @property {readonly string[]} hide Keys of hidden policies.
 * @property {string} workload Name of the only workload shown; empty for all.
 * @property {string} mechanism The only mechanism shown; empty for all.
 * @property {string} metric Choice of the first table.
 * @property {string} scale How latency is drawn, one of SCALES.
 * @property {string} heat What heat maps show, one of HEATS.
 * @property {"auto" | "light" | "dark"} theme
 */

/** Percentiles on either axis, CCDF, or boxes of the quartiles. */
const SCALES = ["linear", "log", "ccdf", "boxes"];
/** Measures of heat maps. */
const HEATS = ["rx_packets", "interrupts", "itr_rx_usecs", "busy_permille"];

/** @type {State} */
export const DEFAULT_STATE = {
  at: "",
  hide: [],
  workload: "",
  mechanism: "",
  metric: "main",
  scale: "linear",
  heat: "rx_packets",
  theme: "auto",
};

/**
 * Reads a fragment; unknown or broken parts fall back to the default.
 *
 * @param {string} fragment With or without `#`.
 * @returns {State}
 */
export function parseState(fragment) {
  const text = fragment.replace(/^#/, "");
  // A link made by hand or without script names a part only.
  if (text !== "" && !text.includes("=")) return { ...DEFAULT_STATE, at: text };
  const values = new URLSearchParams(text);
  const theme = values.get("theme");
  return {
    at: values.get("at") ?? "",
    hide: (values.get("hide") ?? "").split(",").filter((key) => key !== ""),
    workload: values.get("workload") ?? "",
    mechanism: values.get("mechanism") ?? "",
    metric: values.get("metric") ?? "main",
    scale: SCALES.find((each) => each === values.get("scale")) ?? DEFAULT_STATE.scale,
    heat: HEATS.find((each) => each === values.get("heat")) ?? DEFAULT_STATE.heat,
    theme: theme === "light" || theme === "dark" ? theme : "auto",
  };
}

/**
 * Writes a fragment that parseState reads back; empty for the default.
 *
 * @param {State} state
 * @returns {string} Without `#`.
 */
export function formatState(state) {
  const values = new URLSearchParams();
  if (state.at !== "") values.set("at", state.at);
  if (state.hide.length > 0) values.set("hide", state.hide.join(","));
  if (state.workload !== "") values.set("workload", state.workload);
  if (state.mechanism !== "") values.set("mechanism", state.mechanism);
  if (state.metric !== "main") values.set("metric", state.metric);
  if (state.scale !== "linear") values.set("scale", state.scale);
  if (state.heat !== DEFAULT_STATE.heat) values.set("heat", state.heat);
  if (state.theme !== "auto") values.set("theme", state.theme);
  return values.toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
}
