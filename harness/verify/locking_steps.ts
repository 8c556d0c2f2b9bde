/**
 * In which order packets and updates do their steps, by where a locking departs from ours. What a
 * step does stands in locking.ts.
 *
 * @module
 */

import type { Action, Departure } from "./interleaving.ts";

/** The steps of one kind of action, by name, in order. */
export type Sequence = readonly StepName[];

/** What a step does, by name. */
export type StepName =
  | "readCached"
  | "readCachedVersion"
  | "compare"
  | "lock"
  | "unlock"
  | "find"
  | "look"
  | "lookAgain"
  | "choose"
  | "readVersion"
  | "empty"
  | "storeVersion"
  | "storeCached"
  | "use"
  | "workEnds"
  | "change"
  | "stop"
  | "takeRtnl"
  | "giveRtnl"
  | "policyNone"
  | "release"
  | "freeLists"
  | "makeLists"
  | "policy"
  | "raiseVersion"
  | "await"
  | "grace"
  | "end";

/** How the slow path goes: from the lock to the cache. */
export function lookUp(departs: ReadonlySet<Departure>): Sequence {
  const cache: Sequence = departs.has("version-before-cache")
    ? ["storeVersion", "storeCached"]
    : ["empty", "storeVersion", "storeCached"];
  const choose: Sequence = departs.has("picks-in-two") ? ["unlock", "lock", "choose"] : ["choose"];
  const found: Sequence = departs.has("rcu-frees-at-once")
    ? ["find", "look", "lock", "lookAgain", ...choose]
    : ["lock", "look", ...choose];
  return departs.has("caches-after-lock")
    ? [...found, "unlock", "readVersion", ...cache]
    : [...found, "readVersion", ...cache, "unlock"];
}

/** How an update goes. */
export function update(kind: Action["kind"], departs: ReadonlySet<Departure>): Sequence {
  const [take, give]: [StepName, StepName] = departs.has("own-locks")
    ? ["takeRtnl", "giveRtnl"]
    : ["lock", "unlock"];
  const before: StepName[] = [];
  if (kind === "channels") before.push("change");
  if (kind === "offline" && departs.has("sleeps-in-dying")) before.push("stop");
  const isRebuild = kind !== "policy";
  const lists: Sequence = [
    // The RFC takes the policy away for the time of a rebuild; under one lock nobody would see it.
    ...(isRebuild && departs.has("own-locks") ? ["policyNone" as const] : []),
    ...(isRebuild || !departs.has("keeps-objects") ? ["release" as const] : []),
    "freeLists",
    "makeLists",
    "policy",
  ];
  const body: Sequence = departs.has("version-before-lists")
    ? ["raiseVersion", give, take, ...lists]
    : [...lists, "raiseVersion"];
  const after: Sequence = departs.has("no-grace") ? ["end"] : ["await", "grace", "end"];
  return [...before, take, ...body, give, ...after];
}

/** The fast path, before the slow one or the use. */
export const FAST_PATH: Readonly<Record<"versionsFirst" | "queueFirst", Sequence>> = {
  versionsFirst: ["readCachedVersion", "compare", "readCached"],
  queueFirst: ["readCached", "readCachedVersion", "compare"],
};
