import type { PlainProcessSpec } from "@millrace/graph";

interface Timed {
  readonly value: unknown;
  readonly atMs: number;
}

/** Where records go that are emitted to a tag. */
type EmitTo = (tag: string, record: Timed) => void;

/** Returns what one subtask emits that gets all records, in their order, and nothing to restore. */
export function runPlainProcess(
  spec: PlainProcessSpec,
  input: readonly Timed[],
  emitTo: EmitTo,
): readonly Timed[] {
  const emitted: Timed[] = [];
  const place = { subtaskIndex: 0, parallelism: 1 };
  const contextAt = (timestamp: number): unknown => ({
    ...place,
    timestamp,
    watermark: -Infinity,
    emit: (value: unknown) => void emitted.push({ value, atMs: timestamp }),
    emitTo: (tag: { readonly name: string }, value: unknown) =>
      emitTo(tag.name, { value, atMs: timestamp }),
  });
  const functions = spec.create();
  const operatorState = { list: createList, unionList: createList, broadcast: () => new Map() };
  functions.initializeState?.({ ...place, operatorState, isRestored: false });
  for (const { value, atMs } of input) functions.onRecord(value, contextAt(atMs));
  functions.onEnd?.(contextAt(Infinity));
  return emitted;
}

function createList(): unknown {
  let elements: readonly unknown[] = [];
  return {
    get: () => elements,
    set: (all: readonly unknown[]) => void (elements = all),
    add: (element: unknown) => void (elements = [...elements, element]),
    clear: () => void (elements = []),
  };
}
