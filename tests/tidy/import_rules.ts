/**
 * Which file may import which: core <- harness <- reports <- tests, and the seams inside harness.
 *
 * Looks at import lines only; values passed at run time are free.
 */

import config from "../../deno.json" with { type: "json" };
import type { Finding, Rule, SourceFile } from "./tree.ts";

const PACKAGES = new Set(Object.keys(config.imports));

/** The command line puts everything together; it alone may look up to the reports. */
function isComposition(path: string): boolean {
  return path === "harness/main.ts" || path.startsWith("harness/cli/");
}

/** Path that a relative specifier names, seen from a file; null for a package. */
function resolve(from: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** Each relative import of a file for which `allowed` is false. */
function refuseImports(
  file: SourceFile,
  allowed: (target: string) => boolean,
  reason: string,
): Finding[] {
  return file.syntax.imports.flatMap(({ specifier, line }) => {
    const target = resolve(file.path, specifier);
    if (target === null || allowed(target)) return [];
    return [{ path: file.path, line, sentence: `imports "${specifier}": ${reason}` }];
  });
}

/** core imports nothing but core, harness no reports, reports no tests. */
export const layersPointOneWay: Rule = (file) => {
  const { path } = file;
  if (path.startsWith("core/")) {
    return refuseImports(file, (to) => to.startsWith("core/"), "core imports core only");
  }
  if (path.startsWith("harness/")) {
    const allowed = (to: string) =>
      to.startsWith("harness/") || to.startsWith("core/") || to === "deno.json" ||
      (isComposition(path) && to.startsWith("reports/"));
    return refuseImports(file, allowed, "harness imports core and harness; only cli/ reports");
  }
  if (path.startsWith(".ci/")) {
    return refuseImports(file, (to) => to.startsWith(".ci/"), "checks stand alone");
  }
  return [];
};

/** Reports know records and statistics, not how a run was made. */
export const reportsReadRecordsOnly: Rule = (file) => {
  if (!file.path.startsWith("reports/")) return [];
  const shared = ["record", "spec", "errors", "canonical_json"].map((name) => `harness/${name}.ts`);
  const allowed = (to: string) =>
    to.startsWith("reports/") || to.startsWith("harness/stats/") || shared.includes(to);
  return refuseImports(file, allowed, `reports import reports, harness/stats and ${shared}`);
};

/** The statistics and the record stand on nothing, so that they can be used anywhere. */
export const foundationsStandAlone: Rule = (file) => {
  if (file.path === "harness/record.ts") {
    return refuseImports(file, () => false, "the record imports nothing");
  }
  if (file.path.startsWith("harness/stats/")) {
    const allowed = (to: string) => to.startsWith("harness/stats/");
    return refuseImports(file, allowed, "stats/ imports stats/ only");
  }
  return [];
};

/** Only what runs a run (run.ts, lane.ts) and the command line know which targets there are. */
export const targetsAreKnownToTheRunnerOnly: Rule = (file) => {
  const knowing = ["harness/run.ts", "harness/lane.ts"].includes(file.path) ||
    isComposition(file.path) || !/^harness\/(?!target_)/.test(file.path);
  if (knowing) return [];
  const allowed = (to: string) => !to.startsWith("harness/target_");
  return refuseImports(file, allowed, "only run.ts, lane.ts and the command line know targets");
};

/** Packages come from deno.json by name (one place for versions), or are built into Deno. */
export const packagesAreNamedInOnePlace: Rule = (file) =>
  file.syntax.imports.flatMap(({ specifier, line }) => {
    const isPackage = PACKAGES.has(specifier) || specifier.startsWith("node:");
    if (specifier.startsWith(".") || isPackage) return [];
    const sentence = `imports "${specifier}": packages are named in deno.json, under imports`;
    return [{ path: file.path, line, sentence }];
  });
