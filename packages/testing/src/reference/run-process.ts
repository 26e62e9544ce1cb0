import { createStateModel, type ProcessSpec } from "@millrace/graph";

/** A record that came to a process; `input` says where it has two. */
interface Received {
  readonly value: unknown;
  readonly atMs: number;
  readonly input: number;
}

interface Timed {
  readonly value: unknown;
  readonly atMs: number;
}

/**
 * Returns what the functions emit for the records of one key. Records go by time; a timer fires before
 * the first record that is later than it. The run takes no time: nothing by processing time fires before
 * the end of input, and then it may not, nor does anything expire by it.
 */
export function runProcess(
  spec: ProcessSpec,
  { key, records }: { readonly key: unknown; readonly records: readonly Received[] },
  side: Map<string, Timed[]>,
): readonly Timed[] {
  const emitted: Timed[] = [];
  const timers = new Set<number>();
  let nowMs = -Infinity;
  const state = createStateModel(spec.state, () => nowMs);
  const contextAt = (timestamp: number): unknown => ({
    key,
    timestamp,
    watermark: timestamp,
    timeDomain: "event-time",
    processingTime: () => 0,
    state,
    timers: {
      atEventTime: (timeMs: number) => void timers.add(timeMs),
      atProcessingTime: () => {},
      cancel: (timeMs: number, domain: string = "event-time") =>
        void (domain === "event-time" && timers.delete(timeMs)),
    },
    emit: (value: unknown) => void emitted.push({ value, atMs: timestamp }),
    emitTo: ({ name }: { readonly name: string }, value: unknown) => {
      const tagged = side.get(name) ?? [];
      tagged.push({ value, atMs: timestamp });
      side.set(name, tagged);
    },
  });
  const fireBefore = (limitMs: number): void => {
    for (;;) {
      const timeMs = Math.min(...timers);
      if (!(timeMs < limitMs)) return;
      timers.delete(timeMs);
      nowMs = Math.max(nowMs, timeMs);
      spec.onTimer?.(timeMs, contextAt(timeMs));
    }
  };
  for (const { value, atMs, input } of records.toSorted((left, right) => left.atMs - right.atMs)) {
    fireBefore(atMs);
    nowMs = Math.max(nowMs, atMs);
    const run = input === 1 ? (spec.onSecond ?? spec.onRecord) : spec.onRecord;
    run(value, contextAt(atMs));
  }
  fireBefore(Infinity);
  return emitted;
}
