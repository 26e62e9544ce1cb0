/** A row of the page: what it says of a case, and the test that shows it. */
interface SemanticsRow {
  readonly section: string;
  readonly line: number;
  readonly case: string;
  readonly behaviour: string;
  readonly testTitle: string;
  /** Relative to the page. */
  readonly testFile: string;
}

interface SemanticsPage {
  /** Their titles, in order. */
  readonly sections: readonly string[];
  readonly rows: readonly SemanticsRow[];
}

const header = "| case | what happens | shown by |";
const divider = /^\|(?:\s*-+\s*\|){3}$/;
const link = /^\[(.+)\]\(([^()\s]+)\)$/;

/**
 * Returns the sections and rows of `SEMANTICS.md`. A bar within a cell is written `\|`. Throws, with
 * the line, at a table row that is not a case, a behaviour and one link.
 */
export function parseSemantics(markdown: string): SemanticsPage {
  const sections: string[] = [];
  const rows: SemanticsRow[] = [];
  for (const [index, text] of markdown.split("\n").entries()) {
    if (text.startsWith("## ")) sections.push(text.slice(3).trim());
    if (!text.startsWith("|") || text === header || divider.test(text)) continue;
    rows.push(parseRow(text, { section: sections.at(-1) ?? "", line: index + 1 }));
  }
  return { sections, rows };
}

/** Whether a test file has a test, or a table of tests, of that title. */
export function hasTest(source: string, title: string): boolean {
  const escaped = title.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
  return new RegExp(`\\(\\s*(["'\`])${escaped}\\1,`).test(source);
}

function parseRow(
  text: string,
  place: { readonly section: string; readonly line: number },
): SemanticsRow {
  const cells = text
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll(String.raw`\|`, "|"));
  const [name = "", behaviour = "", shownBy = "", ...others] = cells;
  const [, testTitle, testFile] = link.exec(shownBy) ?? [];
  const isWhole = name !== "" && behaviour !== "" && others.length === 0;
  if (!isWhole || testTitle === undefined || testFile === undefined) {
    throw new Error(
      `line ${place.line}: a row is | case | what happens | [title of a test](its file) |`,
    );
  }
  return { ...place, case: name, behaviour, testTitle, testFile };
}
