import { statSync } from "node:fs";

import { StreamError } from "@millrace/core";

export interface RereadOptions<Value> {
  readonly paths: readonly string[];
  readonly read: () => Value;
  /** How long what was read counts before the files are looked at again. */
  readonly checkMs: number;
  /** Told once of a change that cannot be read: what was read before stays. */
  readonly onProblem: (error: StreamError) => void;
}

/** Returns what reads the files again when they have changed; throws what the first reading throws. */
export function rereadOnChange<Value>(options: RereadOptions<Value>): () => Value {
  const { paths, read, checkMs, onProblem } = options;
  let seen = describeFiles(paths);
  let value = read();
  let checkedAtMs = performance.now();
  return () => {
    if (performance.now() - checkedAtMs < checkMs) return value;
    checkedAtMs = performance.now();
    const now = describeFiles(paths);
    if (now === seen) return value;
    seen = now;
    try {
      value = read();
    } catch (caught) {
      onProblem(StreamError.from(caught));
    }
    return value;
  };
}

function describeFiles(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? "none" : `${stat.ino}/${stat.mtimeMs}/${stat.size}`;
    })
    .join();
}
