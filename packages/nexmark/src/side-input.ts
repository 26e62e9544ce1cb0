/** A row of the table that query 13 looks up in. */
export interface SideInputRow {
  readonly key: number;
  readonly value: string;
}

/** Returns the rows by their keys, 0 to 9,999: the value is the key as text, as nexmark-flink has it. */
export function createSideInput(): readonly SideInputRow[] {
  return Array.from({ length: 10_000 }, (_, key) => ({ key, value: String(key) }));
}
