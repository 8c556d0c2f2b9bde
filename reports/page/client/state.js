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
 * @property {"linear" | "log" | "ccdf"} scale How latency is drawn: percentiles on either axis, or CCDF.
 * @property {"auto" | "light" | "dark"} theme
 */

/** @type {State} */
export const DEFAULT_STATE = {
  at: "",
  hide: [],
  workload: "",
  mechanism: "",
  metric: "main",
  scale: "linear",
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
  const scale = values.get("scale");
  return {
    at: values.get("at") ?? "",
    hide: (values.get("hide") ?? "").split(",").filter((key) => key !== ""),
    workload: values.get("workload") ?? "",
    mechanism: values.get("mechanism") ?? "",
    metric: values.get("metric") ?? "main",
    scale: scale === "log" || scale === "ccdf" ? scale : "linear",
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
  if (state.theme !== "auto") values.set("theme", state.theme);
  return values.toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
}
