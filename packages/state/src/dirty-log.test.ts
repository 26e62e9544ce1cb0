import { parseCheckpointId } from "@millrace/core";
import { expect, test } from "vitest";

import { CellTable, newCell, type Cell, type StateKind } from "./cell.ts";
import { DirtyLog } from "./dirty-log.ts";

function openTable(stateKind: StateKind, createdEpoch: number): CellTable {
  return new CellTable({
    stateName: "panes",
    stateKind,
    namespace: 10,
    createdEpoch,
    groupStart: 0,
    groupCount: 4,
  });
}

/** Writes a cell of each key anew. */
function write(log: DirtyLog, table: CellTable, keys: readonly string[]): readonly Cell[] {
  return keys.map((key) => {
    const cell = newCell({ table, key, hash: 1, group: 1 }, log.epoch);
    table.addKey(cell);
    log.add(cell);
    return cell;
  });
}

function keysAfter(log: DirtyLog, epoch: number): readonly unknown[] {
  const { lists } = log.changesAfter(epoch);
  return lists.flatMap((some) => some.flatMap(({ cells }) => cells.map(({ key }) => key)));
}

const first = parseCheckpointId(1n);
const second = parseCheckpointId(2n);

test("what a pane got and lost between two barriers leaves nothing behind (I4)", () => {
  const log = new DirtyLog();
  const pane = openTable("pane", log.epoch);
  write(log, pane, ["a", "b"]);
  write(log, openTable("value", log.epoch), ["stays"]);
  log.addDrop(pane);
  log.close(first);
  expect(keysAfter(log, 0)).toEqual(["stays"]);
  expect(log.changesAfter(0).drops).toEqual([]);
});

test("a pane that a barrier has seen is dropped by name, and what it got since goes with it", () => {
  const log = new DirtyLog();
  const pane = openTable("pane", log.epoch);
  write(log, pane, ["a"]);
  log.close(first);
  write(log, pane, ["b"]);
  log.addDrop(pane);
  log.close(second);
  expect(keysAfter(log, 1)).toEqual([]);
  expect(log.changesAfter(1).drops).toEqual([{ table: pane, groups: [1] }]);
  // The first barrier's delta still has what the pane held then.
  expect(keysAfter(log, 0)).toEqual(["a"]);
});

test("a pane that stays has its cells in each epoch's changes", () => {
  const log = new DirtyLog();
  const pane = openTable("pane", log.epoch);
  const [a] = write(log, pane, ["a"]);
  log.close(first);
  write(log, pane, ["b"]);
  if (a !== undefined) log.add(a);
  log.close(second);
  expect(keysAfter(log, 1)).toEqual(["b", "a"]);
});
