import { keyGroupOf, keyHash, type KeyGroupRange } from "@millrace/core";
import type { KeyedBackend, SnapshotCursor, StateBlock } from "@millrace/state";

interface Cell {
  readonly state: string;
  readonly namespace: number;
  readonly key: unknown;
  value: unknown;
}

/** Keyed state in a Map for tests of slots: every snapshot is full, one cell a step. */
export function createMemoryBackend(options: {
  readonly operatorName: string;
  readonly groups: KeyGroupRange;
  readonly maxParallelism: number;
}): KeyedBackend {
  const cells = new Map<string, Cell>();
  let current: unknown;
  const nameOf = (state: string, namespace: number, key: unknown): string =>
    JSON.stringify([state, namespace, key]);
  const cellOf = (state: string, namespace: number): Cell => {
    const name = nameOf(state, namespace, current);
    const cell = cells.get(name) ?? { state, namespace, key: current, value: undefined };
    cells.set(name, cell);
    return cell;
  };
  const of = (state: string): Cell[] => [...cells.values()].filter((cell) => cell.state === state);
  const panes = (state: string): number[] =>
    [...new Set(of(state).map(({ namespace }) => namespace))].toSorted((a, b) => a - b);
  return {
    setCurrentKey: (key) => {
      current = key;
    },
    currentKey: () => current,
    valueState: (state) => ({
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a fake: types are erased
      get: () => cells.get(nameOf(state, 0, current))?.value as never,
      set: (value) => void (cellOf(state, 0).value = value),
      clear: () => void cells.delete(nameOf(state, 0, current)),
    }),
    paneState: (state) => ({
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a fake: types are erased
      get: (pane) => cells.get(nameOf(state, pane, current))?.value as never,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a fake: types are erased
      cellForUpdate: (pane) => cellOf(state, pane) as never,
      forEachKey: (pane, visit) => {
        for (const { namespace, key, value } of of(state)) {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a fake: types are erased
          if (namespace === pane) visit(key, keyHash(key), value as never);
        }
      },
      panes: () => panes(state),
      dropPane: (pane) => {
        for (const [name, cell] of cells) {
          if (cell.state === state && cell.namespace === pane) cells.delete(name);
        }
      },
    }),
    timers: () => ({
      register: (timeMs) => void cellOf("timers", timeMs),
      remove: (timeMs) => void cells.delete(nameOf("timers", timeMs, current)),
      nextTimeMs: () => panes("timers")[0] ?? Infinity,
      popDue: (watermarkMs) => {
        const timeMs = panes("timers")[0] ?? Infinity;
        const timer = of("timers").find(({ namespace }) => namespace === timeMs);
        if (timer === undefined || timeMs > watermarkMs) return undefined;
        cells.delete(nameOf("timers", timeMs, timer.key));
        return { timeMs, key: timer.key, hash: keyHash(timer.key) };
      },
    }),
    beginSnapshot: (_barrier, emit) =>
      createCursor(options, structuredClone([...cells.values()]), emit),
    restoreBlock: (block) => {
      for (const cell of JSON.parse(new TextDecoder().decode(block.bytes)) as Cell[]) {
        const group = keyGroupOf(keyHash(cell.key), options.maxParallelism);
        const isOwn = group >= options.groups.start && group <= options.groups.end;
        if (isOwn) cells.set(nameOf(cell.state, cell.namespace, cell.key), cell);
      }
    },
    finishRestore: () => {},
    cellCount: () => cells.size,
  };
}

function createCursor(
  options: { readonly operatorName: string; readonly groups: KeyGroupRange },
  cells: readonly Cell[],
  emit: (block: StateBlock) => void,
): SnapshotCursor {
  let done = 0;
  return {
    step: (shouldPause) => {
      while (done < cells.length) {
        done += 1;
        if (shouldPause() && done < cells.length) return false;
      }
      emit({
        operator: options.operatorName,
        kind: "keyed",
        role: "base",
        groupStart: options.groups.start,
        groupEnd: options.groups.end,
        cellCount: cells.length,
        bytes: new TextEncoder().encode(JSON.stringify(cells)),
      });
      return true;
    },
    cancel: () => {},
  };
}
