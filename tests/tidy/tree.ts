/**
 * The project's own text files, as the tidy rules see them.
 *
 * Reads; judges nothing. Generated folders, snapshots and recorded data are no one's handwriting
 * and are left out.
 */

import { parseSyntax, type Syntax } from "./syntax.ts";

/** One text file. */
export class SourceFile {
  /** Path relative to the root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  #syntax: Syntax | undefined;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    this.lines = text.split("\n");
  }

  /** True for TypeScript and AssemblyScript. */
  get isCode(): boolean {
    return this.path.endsWith(".ts");
  }

  /** Syntax of a code file; empty for any other. */
  get syntax(): Syntax {
    this.#syntax ??= parseSyntax(this.path, this.isCode ? this.text : "");
    return this.#syntax;
  }
}

/** Something a rule does not like. */
export interface Finding {
  readonly path: string;
  /** From 1; null where the file as a whole is meant. */
  readonly line: number | null;
  readonly sentence: string;
}

/** A rule looks at one file at a time. */
export type Rule = (file: SourceFile) => Finding[];

const FOLDERS = ["core", "harness", "workloads", "reports", "tests", ".ci", ".github"];
const LEFT_OUT = new Set(["__snapshots__", "baselines", "golden", "node_modules"]);
const TEXT_FILE = /\.(ts|js|css|html|json|jsonc|md|sh|yml)$|^run$/;

/** Every text file below `root`, sorted by path. `root` ends with a slash. */
export async function readTree(root: URL): Promise<SourceFile[]> {
  const paths = [...Deno.readDirSync(root)]
    .filter((entry) => entry.isFile && TEXT_FILE.test(entry.name))
    .map((entry) => entry.name);
  const walk = (folder: string) => {
    for (const entry of Deno.readDirSync(new URL(`${folder}/`, root))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory && !LEFT_OUT.has(entry.name)) walk(path);
      if (entry.isFile && TEXT_FILE.test(entry.name)) paths.push(path);
    }
  };
  FOLDERS.forEach(walk);
  return await Promise.all(
    paths.sort().map(async (path) =>
      new SourceFile(path, await Deno.readTextFile(new URL(path, root)))
    ),
  );
}

/** Applies a rule to files; one line a finding, as `path:line: sentence`. */
export function apply(rule: Rule, files: readonly SourceFile[]): string[] {
  return files.flatMap(rule).map(({ path, line, sentence }) =>
    `${path}${line === null ? "" : `:${line}`}: ${sentence}`
  );
}
