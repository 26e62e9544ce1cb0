import type { PlainProcessSpec } from "@millrace/graph";

import type { SideOutputs, Timed } from "./records.ts";

/** Returns what one subtask emits that gets all records, in their order, and nothing to restore. */
export async function runPlainProcess(
  spec: PlainProcessSpec,
  input: readonly Timed[],
  side: SideOutputs,
): Promise<readonly Timed[]> {
  const emitted: Timed[] = [];
  const place = { subtaskIndex: 0, parallelism: 1 };
  const contextAt = (timestamp: number): unknown => ({
    ...place,
    timestamp,
    watermark: -Infinity,
    emit: (value: unknown) => void emitted.push({ value, atMs: timestamp }),
    emitTo: ({ name }: { readonly name: string }, value: unknown) =>
      void side.set(name, [...(side.get(name) ?? []), { value, atMs: timestamp }]),
  });
  const functions = spec.create();
  const operatorState = { list: createList, unionList: createList, broadcast: () => new Map() };
  functions.initializeState?.({ ...place, operatorState, isRestored: false });
  for (const { value, atMs } of input) functions.onRecord(value, contextAt(atMs));
  functions.onEnd?.(contextAt(Infinity));
  await functions.close?.();
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
