/** Where a command writes: lines for people, or one JSON value a line for programs. */
export interface Output {
  readonly format: OutputFormat;
  /** Writes a value: its text for people, itself as JSON. */
  result(value: unknown, text: () => string): void;
  /** Writes a line for people only, to standard error, so that output can be piped. */
  note(text: string): void;
}

export type OutputFormat = "text" | "json";

/** Returns the output of a format on this process's standard streams. */
export function createOutput(format: OutputFormat): Output {
  return {
    format,
    result: (value, text) =>
      void process.stdout.write(`${format === "json" ? toJson(value) : text()}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
  };
}

/** Returns one line of JSON; 64-bit ids are texts. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_name, field: unknown) =>
    typeof field === "bigint" ? field.toString() : field,
  );
}

/** Returns rows as aligned columns below their headings. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const format = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [headings, ...rows].map(format).join("\n");
}

/** Returns bytes as people read them, such as `1.2 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Returns a length of time as people read it, such as `340 ms` or `12.3 s`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  return `${(durationMs / 1_000).toFixed(1)} s`;
}

/** Returns a moment as `2001-01-17 15:35:00`, in UTC; what is not a moment in words. */
export function formatMoment(atMs: number): string {
  if (atMs === Infinity) return "end";
  if (!Number.isFinite(atMs)) return "-";
  return new Date(atMs).toISOString().slice(0, 19).replace("T", " ");
}
