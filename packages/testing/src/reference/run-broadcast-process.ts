import type { BroadcastProcessSpec, KeyedBroadcastProcessSpec, ProcessSpec } from "@millrace/graph";

interface Timed {
  readonly value: unknown;
  readonly atMs: number;
}

/** What a subtask holds once all that is broadcast has come, and what it emitted meanwhile. */
export interface BroadcastResult {
  /** By name, as the authors' functions read them. */
  readonly states: Readonly<Record<string, Map<unknown, unknown>>>;
  readonly emitted: readonly Timed[];
}

/** Before all records no key has any state. */
const applyToKeyedState = (): void => {};

/** Runs what is broadcast, in the order of event time. */
export function runBroadcasts(
  { broadcastState, onBroadcast }: BroadcastProcessSpec | KeyedBroadcastProcessSpec,
  records: readonly Timed[],
): BroadcastResult {
  const states = Object.fromEntries(
    broadcastState.map((name) => [name, new Map<unknown, unknown>()]),
  );
  const emitted: Timed[] = [];
  for (const { value, atMs } of records.toSorted((left, right) => left.atMs - right.atMs)) {
    const emit = (each: unknown): void => void emitted.push({ value: each, atMs });
    const same = { timestamp: atMs, watermark: atMs, broadcastState: states, emit };
    onBroadcast(value, { ...same, applyToKeyedState });
  }
  return { states, emitted };
}

/** Returns what is emitted for records without keys that all come after what is broadcast. */
export function runBroadcastProcess(
  { onRecord }: BroadcastProcessSpec,
  records: readonly Timed[],
  { states }: BroadcastResult,
): readonly Timed[] {
  const emitted: Timed[] = [];
  for (const { value, atMs } of records) {
    const emit = (each: unknown): void => void emitted.push({ value: each, atMs });
    onRecord(value, { timestamp: atMs, watermark: atMs, broadcastState: states, emit });
  }
  return emitted;
}

/** Returns the process over the keyed records that all come after what is broadcast. */
export function processAfter(
  spec: KeyedBroadcastProcessSpec,
  { states }: BroadcastResult,
): ProcessSpec {
  const { onRecord, onTimer, onBroadcast: _side, broadcastState: _names, ...same } = spec;
  const extend = (context: object): object => ({ ...context, broadcastState: states });
  return {
    ...same,
    kind: "process",
    onRecord: (record, context: object) => onRecord(record, extend(context)),
    onTimer: (timeMs, context: object) => onTimer?.(timeMs, extend(context)),
  };
}
