import type { TimeToLive } from "@millrace/state";

/** A value of the test backend, under a name that stands for its key. */
export interface TestEntry {
  readonly key: unknown;
  value: unknown;
  stampMs: number;
}

interface Entries {
  read(name: string): unknown;
  write(name: string, key: unknown, value: unknown): void;
  isEmpty(): boolean;
  all(): readonly (readonly [unknown, unknown])[];
}

/** Returns the entries of a map as a state with the time to live has them. Nothing is swept out. */
export function entriesIn(
  current: () => Map<string, TestEntry>,
  ttl: TimeToLive | undefined,
): Entries {
  const isAlive = ({ stampMs }: TestEntry): boolean =>
    ttl === undefined || !((ttl.cellsByMs ?? ttl.nowMs)() >= stampMs + ttl.afterMs);
  const read = (name: string): unknown => {
    const entry = current().get(name);
    if (entry === undefined || !isAlive(entry)) return undefined;
    if (ttl?.refreshesOnRead === true) entry.stampMs = Math.max(entry.stampMs, ttl.nowMs());
    return entry.value;
  };
  return {
    read,
    write(name, key, value) {
      const before = current().get(name)?.stampMs ?? -Infinity;
      const stampMs = Math.max(before, ttl?.nowMs() ?? 0);
      current().set(name, { key, value, stampMs });
    },
    isEmpty: () => ![...current().values()].some((entry) => isAlive(entry)),
    all: () =>
      [...current()].flatMap(([name, { key }]) => {
        const value = read(name);
        return value === undefined ? [] : [[key, value] as const];
      }),
  };
}
