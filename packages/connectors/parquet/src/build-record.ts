/** Returns the record of a row from the columns' values. */
export type BuildRecord<T> = (columns: readonly (readonly unknown[])[], row: number) => T;

/**
 * Returns a function that makes records of one hidden class. It is compiled from the columns' names,
 * which enter the source only through JSON.stringify; a loop over names would make every store
 * megamorphic. T is the author's word for what the columns hold.
 */
export function compileBuildRecord<T>(names: readonly string[]): BuildRecord<T> {
  const fields = names.map((name, index) => {
    const key = JSON.stringify(name);
    // A literal "__proto__" would set the prototype.
    return `${name === "__proto__" ? `[${key}]` : key}: columns[${index}][row]`;
  });
  // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-type-assertion -- a template of ours
  return new Function("columns", "row", `return { ${fields.join(", ")} };`) as BuildRecord<T>;
}
