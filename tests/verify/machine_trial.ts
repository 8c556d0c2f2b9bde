/**
 * Trials of the machine model for the mutants of its adapter: functions of it on their own, lists
 * of ethtool commands, and short runs. Those that need least come first.
 *
 * @module
 */

import { AGAIN_TRIALS } from "./machine_trials/again.ts";
import { COMMAND_TRIALS } from "./machine_trials/commands.ts";
import { FLOW_DIRECTOR_TRIALS } from "./machine_trials/flow_director.ts";
import { MODERATION_TRIALS } from "./machine_trials/moderation.ts";
import { RSS_TRIALS } from "./machine_trials/rss.ts";
import { shortRuns } from "./machine_trials/runs.ts";
import { SETTINGS_TRIALS } from "./machine_trials/settings.ts";
import type { Trial } from "./trial.ts";

/** All trials; those of oracle "original" take the first module they run on for it. */
export async function trialsOfMachine(policyModule: WebAssembly.Module): Promise<Trial[]> {
  return [
    ...RSS_TRIALS,
    ...MODERATION_TRIALS,
    ...FLOW_DIRECTOR_TRIALS,
    ...SETTINGS_TRIALS,
    ...AGAIN_TRIALS,
    ...COMMAND_TRIALS,
    ...await shortRuns(policyModule),
  ];
}
