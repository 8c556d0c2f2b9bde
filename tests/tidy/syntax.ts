/**
 * What the tidy rules need of a file's syntax, from Deno's own parser.
 *
 * The parser behind `deno lint` reads AssemblyScript too, decorators included. It is reached
 * through a lint plugin, which Deno runs only inside `deno test`. Judges nothing.
 */

/** An import, export-from, dynamic import or import type. */
export interface ImportSite {
  readonly specifier: string;
  readonly line: number;
}

/** A function, method or arrow function with a body. */
export interface FunctionSite {
  readonly name: string;
  readonly line: number;
  readonly lineCount: number;
}

/** A declaration that begins with `export`. */
export interface ExportSite {
  readonly names: readonly string[];
  readonly kind: "function" | "const" | "other";
  readonly line: number;
  /** False only for a function whose result has no written type. */
  readonly typed: boolean;
}

/** A comment; `line` and `endLine` are its first and last. */
export interface CommentSite {
  readonly line: number;
  readonly endLine: number;
  readonly text: string;
}

/** Facts of one file, each list in the order of the text. */
export interface Syntax {
  readonly imports: readonly ImportSite[];
  readonly functions: readonly FunctionSite[];
  readonly exports: readonly ExportSite[];
  readonly comments: readonly CommentSite[];
  /** Every identifier and the line where it first occurs. */
  readonly names: ReadonlyMap<string, number>;
}

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/**
 * Parses a file.
 *
 * @throws {SyntaxError} where Deno's parser does.
 */
export function parseSyntax(path: string, text: string): Syntax {
  const lineOf = lineFinder(text);
  const syntax = {
    imports: [] as ImportSite[],
    functions: [] as FunctionSite[],
    exports: [] as ExportSite[],
    comments: [] as CommentSite[],
    names: new Map<string, number>(),
  };
  const addImport = (source: Deno.lint.Node | null | undefined) => {
    if (source?.type !== "Literal" || typeof source.value !== "string") return;
    syntax.imports.push({ specifier: source.value, line: lineOf(source.range[0]) });
  };
  const addName = (node: Deno.lint.Identifier | Deno.lint.PrivateIdentifier) => {
    if (!syntax.names.has(node.name)) syntax.names.set(node.name, lineOf(node.range[0]));
  };
  const addFunction = (node: FunctionNode) => {
    if (!node.body) return;
    const line = lineOf(node.range[0]);
    const name = node.type !== "ArrowFunctionExpression" && node.id ? node.id.name : "a function";
    syntax.functions.push({ name, line, lineCount: lineOf(node.range[1]) - line + 1 });
  };
  const visitor: Deno.lint.LintVisitor = {
    ImportDeclaration: (node) => addImport(node.source),
    ImportExpression: (node) => addImport(node.source),
    ExportAllDeclaration: (node) => addImport(node.source),
    TSImportType: (node) => {
      if (node.argument.type === "TSLiteralType") addImport(node.argument.literal);
    },
    ExportNamedDeclaration: (node) => {
      addImport(node.source);
      if (node.declaration) {
        syntax.exports.push(describeExport(node.declaration, lineOf(node.range[0]), text));
      }
    },
    Identifier: addName,
    PrivateIdentifier: addName,
    FunctionDeclaration: addFunction,
    FunctionExpression: addFunction,
    ArrowFunctionExpression: addFunction,
  };
  const create = (context: Deno.lint.RuleContext): Deno.lint.LintVisitor => {
    for (const { range, value } of context.sourceCode.getAllComments()) {
      const [line, endLine] = [lineOf(range[0]), lineOf(range[1])];
      syntax.comments.push({ line, endLine, text: value });
    }
    return visitor;
  };
  Deno.lint.runPlugin({ name: "tidy", rules: { facts: { create } } }, path, text);
  return syntax;
}

/** Lines from 1, by binary search over the ends of the lines. */
function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}

function describeExport(
  declaration: NonNullable<Deno.lint.ExportNamedDeclaration["declaration"]>,
  line: number,
  text: string,
): ExportSite {
  if (declaration.type === "VariableDeclaration") {
    const names = declaration.declarations.map(({ id }) => text.slice(...id.range).split(":")[0]!);
    return { names, kind: "const", line, typed: true };
  }
  const names = "id" in declaration && declaration.id !== null
    ? [text.slice(...declaration.id.range)]
    : [];
  if (declaration.type !== "FunctionDeclaration" && declaration.type !== "TSDeclareFunction") {
    return { names, kind: "other", line, typed: true };
  }
  return { names, kind: "function", line, typed: Boolean(declaration.returnType) };
}
