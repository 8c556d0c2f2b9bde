/**
 * The shape of files: names, lengths, first lines, comments on exports, decorators.
 *
 * Looks at the form only; whether a comment is true is for a reader to say.
 */

import type { CommentSite, ExportSite } from "./syntax.ts";
import type { Finding, Rule, SourceFile } from "./tree.ts";

/** Longest file, in lines; most are below 300. */
const FILE_LINES_MAX = 500;
/** Longest function, in lines. */
const FUNCTION_LINES_MAX = 70;
/** Longest line of code, in characters; `deno fmt` breaks what it can. */
const LINE_COLUMNS_MAX = 100;
/** Longest purpose comment, in lines of text. */
const PURPOSE_LINES_MAX = 10;

const FORMATTER_GUARD = "// deno-fmt-ignore-file";
const DECORATOR_NOTE = "// @ts-ignore: decorator";

function at(file: SourceFile, line: number | null, sentence: string): Finding {
  return { path: file.path, line, sentence };
}

/** A file fits into one reading. */
export const filesAreShort: Rule = (file) => {
  const count = file.lines.length - (file.text.endsWith("\n") ? 1 : 0);
  if (!file.isCode || count <= FILE_LINES_MAX) return [];
  return [at(file, null, `has ${count} lines, more than ${FILE_LINES_MAX}: split it by subject`)];
};

/** A function fits onto one screen. */
export const functionsAreShort: Rule = (file) =>
  file.syntax.functions.filter(({ lineCount }) => lineCount > FUNCTION_LINES_MAX).map((
    { name, line, lineCount },
  ) => at(file, line, `"${name}" has ${lineCount} lines, more than ${FUNCTION_LINES_MAX}`));

/**
 * A line of code fits beside another one. Outside core the formatter breaks what can be broken;
 * what it leaves is one string, and only comments are a writer's fault.
 */
export const linesAreShort: Rule = (file) => {
  const inComment = (line: number) =>
    file.syntax.comments.some((comment) => comment.line <= line && line <= comment.endLine);
  return file.lines.flatMap((text, index) => {
    const count = [...text].length;
    if (!file.isCode || count <= LINE_COLUMNS_MAX) return [];
    if (!file.path.startsWith("core/") && !inComment(index + 1)) return [];
    return [at(file, index + 1, `has ${count} columns, more than ${LINE_COLUMNS_MAX}`)];
  });
};

/** snake_case, with suffixes such as `_test.ts`; documents are upper-case Markdown. */
export const filesAreSnakeCase: Rule = (file) =>
  file.path.split("/").flatMap((part) =>
    // Names in workloads/ are what people type and read in reports: x710-8cpu.
    file.path.startsWith("workloads/") && /^[a-z0-9]+([-_][a-z0-9]+)*(\.jsonc?)?$/.test(part) ||
      /^\.?[a-z0-9]+(_[a-z0-9]+)*(\.[a-z0-9]+)*$|^[A-Z]+\.md$/.test(part)
      ? []
      : [at(file, null, `"${part}" is not snake_case`)]
  );

/** `deno fmt` would delete decorators in core; the guard keeps it away. */
export const coreIsGuardedFromTheFormatter: Rule = (file) => {
  if (!file.path.startsWith("core/") || !file.isCode || file.lines[0] === FORMATTER_GUARD) {
    return [];
  }
  return [at(file, 1, `does not begin with "${FORMATTER_GUARD}"`)];
};

/** The first lines say what a file is for, shortly. */
export const filesBeginWithTheirPurpose: Rule = (file) => {
  if (!file.isCode) return [];
  const guarded = file.lines[0] === FORMATTER_GUARD;
  const block = firstComment(file.syntax.comments, guarded ? 2 : 1);
  const lines = block.flatMap((comment) => comment.text.split("\n"))
    .map((line) => line.replace(/^[\s*]+/, "")).filter((line) => line !== "" && line[0] !== "@");
  if (lines.length === 0) {
    return [at(file, 1, "does not begin with a comment that says its purpose")];
  }
  if (lines.length <= PURPOSE_LINES_MAX) return [];
  return [
    at(file, 1, `says its purpose in ${lines.length} lines, more than ${PURPOSE_LINES_MAX}`),
  ];
};

/** The comment that begins on a line: one block, or the line comments that follow each other. */
function firstComment(comments: readonly CommentSite[], line: number): CommentSite[] {
  const block: CommentSite[] = [];
  for (const comment of comments) {
    if (comment.line === line + block.length) block.push(comment);
    if (comment.endLine > comment.line) break;
  }
  return block;
}

/**
 * Every export is documented by a comment above or behind it; of constants that follow each other
 * without a blank line, one comment is enough for all.
 */
export const exportsAreDocumented: Rule = (file) => {
  if (file.path.startsWith("tests/")) return [];
  return file.syntax.exports.flatMap((site) => {
    const documented = site.kind === "const" ? paragraphHasComment(file, site.line) : false;
    if (documented || hasComment(file, site)) return [];
    return [at(file, site.line, `exports "${site.names}" without a comment`)];
  });
};

/** True if the lines around one, up to the next blank lines, hold a comment. */
function paragraphHasComment(file: SourceFile, line: number): boolean {
  const isBlank = (number: number) => (file.lines[number - 1] ?? "").trim() === "";
  let first = line;
  let last = line;
  while (!isBlank(first - 1)) first--;
  while (!isBlank(last + 1)) last++;
  return notes(file).some((comment) => comment.line >= first && comment.endLine <= last);
}

/** Codes are what a user reads about: each has a comment of its own and a value of its own. */
export const codesAreDocumentedOneByOne: Rule = (file) => {
  if (!/^core\/(lib\/errno|policy\/log|machine\/\w*(errno|log|drop)\w*)\.ts$/.test(file.path)) {
    return [];
  }
  const seen = new Map<string, string>();
  return file.syntax.exports.flatMap((site) => {
    const [name = ""] = site.names;
    const value = file.lines[site.line - 1]!.match(/^export const (\w+): \w+ = (-?\d+);/);
    if (site.kind !== "const" || value === null) return [];
    const findings = hasComment(file, site)
      ? []
      : [at(file, site.line, `code "${name}" has no comment of its own`)];
    const key = `${name.split("_")[0]!.replace(/^E[A-Z]+$/, "E")} ${value[2]}`;
    const other = seen.get(key);
    seen.set(key, name);
    if (other === undefined) return findings;
    return [...findings, at(file, site.line, `"${name}" has the value of "${other}"`)];
  });
};

/** A comment on the lines above a declaration (decorators in between), or behind it. */
function hasComment(file: SourceFile, site: ExportSite): boolean {
  let line = site.line - 1;
  while (/^(@\w|\/\/ @ts-ignore)/.test(file.lines[line - 1] ?? "")) line--;
  return notes(file).some((comment) => comment.endLine === line || comment.line === site.line);
}

/** Comments for a reader, without those for a tool. */
function notes(file: SourceFile): readonly CommentSite[] {
  return file.syntax.comments.filter(({ text }) => !/^ (@ts-ignore|deno-)/.test(text));
}

/** The result of an exported function is written down, not worked out by the reader. */
export const exportedFunctionsAreTyped: Rule = (file) =>
  file.syntax.exports.filter(({ typed }) => !typed).map(({ names, line }) =>
    at(file, line, `exports function "${names}" without a result type`)
  );

/** Decorators are where their notes say, and every import of core names its module. */
export const decoratorsAreInPlace: Rule = (file) => {
  if (!file.path.startsWith("core/")) return [];
  return file.lines.flatMap((text, index) => {
    const next = file.lines[index + 1] ?? "";
    const previous = file.lines[index - 1] ?? "";
    if (text.trim() === DECORATOR_NOTE && !next.trim().startsWith("@")) {
      return [at(file, index + 1, "the decorator below this note is gone: did a formatter run?")];
    }
    const imported = text.match(/^(?:export )?declare function (\w+)/)?.[1];
    if (imported !== undefined && !/^@external\("\w+", "\w+"\)$/.test(previous)) {
      return [at(file, index + 1, `"${imported}" is imported without @external("module", "name")`)];
    }
    return [];
  });
};
