/**
 * The sensitivity of headline figures as text: the parameters that move each most. Pure.
 *
 * @module
 */

import { wrapped } from "../words.ts";
import type { Effect, FigureSensitivity, Sensitivity } from "./sensitivity.ts";
import { figure as numberText } from "./show.ts";

const WIDTH = 100;
/** Parameters shown for a figure. */
const SHOWN = 5;

/** All figures, then how to read them. */
export function renderSensitivity({ machine, runs, figures, skipped }: Sensitivity): string {
  const lines = figures.flatMap((figure) => [
    `${figure.workload} ${figure.policy}, ${figure.group}: ${figure.figure} ${shown(figure)}`,
    ...strongest(figure).map((effect) => `  ${effectLine(effect)}`),
  ]);
  const notes = [
    `Model of ${machine}, ${runs} runs. Each parameter was varied by 10 % up and down, switches ` +
    `were turned over, small counts changed by one; elasticity is the relative change of the ` +
    `figure over that of the parameter. Listed are at most ${SHOWN}, those above what chance does.`,
    ...skipped.length === 0 ? [] : [`Off by default, so not varied: ${skipped.join(", ")}.`],
  ];
  return [...lines, "", ...notes.map((note) => wrapped(note, WIDTH))].join("\n") + "\n";
}

/** The figure's base with its unit. */
function shown({ base, unit, noise_percent }: FigureSensitivity): string {
  const value = unit === "ns"
    ? `${numberText(base / 1e3)} us`
    : unit === "bit/s"
    ? `${numberText(base / 1e9)} Gb/s`
    : `${numberText(base)} ${unit}`;
  return `${value} (chance: ${numberText(noise_percent)} %)`;
}

/** Effects that stand out from chance. */
export function strongest({ effects, noise_percent }: FigureSensitivity): Effect[] {
  return effects.filter(({ change_percent }) =>
    Math.abs(change_percent) > Math.max(noise_percent, 0.1)
  ).slice(0, SHOWN);
}

function effectLine({ parameter, elasticity, change_percent }: Effect): string {
  const sign = change_percent > 0 ? "+" : "";
  const change = `${sign}${change_percent.toFixed(1)} %`.padStart(9);
  const last = elasticity === null ? "switch or step" : `elasticity ${elasticity.toFixed(2)}`;
  return `${parameter.padEnd(26)} ${change}  ${last}`;
}
