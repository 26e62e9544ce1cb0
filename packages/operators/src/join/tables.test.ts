import type { JoinMode, TableJoinSpec, TableOrder, TableSpec } from "@millrace/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { testBackends } from "../test-backends.ts";
import { JoinUnderTest } from "./test-kit.ts";

interface Row {
  readonly name: string | null;
}

const valueOf = ({ name }: Row): string | null => name;

function table(order: TableOrder = "event-time"): TableSpec {
  return { kind: "table", valueOf, order };
}

function tables(mode: JoinMode, order: TableOrder = "event-time"): TableJoinSpec {
  return {
    kind: "join",
    type: "tables",
    mode,
    left: { valueOf, order },
    right: { valueOf, order },
    join: (left: unknown, right: unknown) => `${String(left)}-${String(right)}`,
  };
}

function change(key: unknown, before: string | null, after: string | null, at: number) {
  return [{ key, before, after }, at] as const;
}

describe.each(testBackends)("tables on %s", (_name, create) => {
  test("a change says what it retracts: an insert, an update, a deletion", () => {
    const rows = new JoinUnderTest(table(), create());
    rows.left("k", { name: "A" }, 1).left("k", { name: "B" }, 2).left("k", { name: null }, 3);
    expect(rows.take()).toEqual([
      change("k", null, "A", 1),
      change("k", "A", "B", 2),
      change("k", "B", null, 3),
    ]);
  });

  test("a deletion of what is not there is no change", () => {
    const rows = new JoinUnderTest(table("arrival"), create()).left("k", { name: null }, 1);
    expect(rows.take()).toEqual([]);
    expect(rows.cellCount()).toBe(0);
  });

  test("by event time an older record changes nothing, also behind a deletion", () => {
    const rows = new JoinUnderTest(table(), create());
    rows.left("k", { name: "B" }, 5).left("k", { name: "A" }, 4).left("k", { name: null }, 7);
    rows.left("k", { name: "C" }, 6);
    expect(rows.take()).toEqual([change("k", null, "B", 5), change("k", "B", null, 7)]);
  });

  test("of equal times the record that comes last makes the row", () => {
    const rows = new JoinUnderTest(table(), create());
    rows.left("k", { name: "A" }, 5).left("k", { name: "B" }, 5);
    expect(rows.take()).toEqual([change("k", null, "A", 5), change("k", "A", "B", 5)]);
  });

  test("by arrival the record that comes last makes the row, whatever its time", () => {
    const rows = new JoinUnderTest(table("arrival"), create());
    rows.left("k", { name: "B" }, 5).left("k", { name: "A" }, 4).watermark(9);
    rows.left("k", { name: "late" }, 1);
    expect(rows.take().at(-1)).toEqual(change("k", "A", "late", 1));
    expect(rows.lateCount).toBe(0);
  });

  test("a deletion is forgotten once the watermark has passed it; what is older is then late", () => {
    const rows = new JoinUnderTest(table(), create());
    rows.left("k", { name: "A" }, 5).left("k", { name: null }, 7).take();
    rows.watermark(6);
    expect(rows.cellCount()).toBeGreaterThan(0);
    rows.watermark(7);
    expect(rows.cellCount()).toBe(0);
    rows.left("k", { name: "B" }, 6);
    expect(rows.take()).toEqual([]);
    expect(rows.lateCount).toBe(1);
    rows.left("k", { name: "C" }, 8);
    expect(rows.take()).toEqual([change("k", null, "C", 8)]);
  });

  test("a late record that is newer than its row is applied", () => {
    const rows = new JoinUnderTest(table(), create());
    rows.left("k", { name: "A" }, 5).watermark(20).left("k", { name: "B" }, 9);
    expect(rows.take().at(-1)).toEqual(change("k", "A", "B", 9));
  });

  test("records without event time come one after the other", () => {
    const rows = new JoinUnderTest(table(), create());
    rows.left("k", { name: "A" }, -Infinity).left("k", { name: "B" }, -Infinity);
    rows.left("k", { name: null }, -Infinity);
    expect(rows.take().map(([value]) => value)).toEqual([
      { key: "k", before: null, after: "A" },
      { key: "k", before: "A", after: "B" },
      { key: "k", before: "B", after: null },
    ]);
    expect(rows.cellCount()).toBe(0);
  });

  test("a change of a join has the later time of the record and of the other row", () => {
    const joined = new JoinUnderTest(tables("inner"), create());
    joined.right("k", { name: "a" }, 9).left("k", { name: "A" }, 4).left("k", { name: "B" }, 12);
    expect(joined.take()).toEqual([change("k", null, "A-a", 9), change("k", "A-a", "B-a", 12)]);
  });

  test("a join that makes no row of two rows deletes what there was", () => {
    const spec: TableJoinSpec = {
      ...tables("inner"),
      join: (left: string, right: string) => (left === right ? null : left),
    };
    const joined = new JoinUnderTest(spec, create());
    joined.left("k", { name: "A" }, 1).right("k", { name: "a" }, 2).right("k", { name: "A" }, 3);
    expect(joined.take()).toEqual([change("k", null, "A", 2), change("k", "A", null, 3)]);
  });

  test.each(["inner", "left", "right", "outer"] as const)(
    "%s: whatever the order and the restores, the changes add up to the join of the last rows",
    (mode) => {
      fc.assert(
        fc.property(recordsInAnyOrder, ({ records, order }) => {
          const joined = new JoinUnderTest(tables(mode), create());
          for (const index of order) {
            const record = records[index];
            if (record === undefined) continue;
            joined[record.side](record.key, { name: record.name }, index + 1);
            if (record.isRestored) joined.restore();
          }
          joined.watermark(Infinity);
          const rows = new Map<unknown, unknown>();
          for (const [value] of joined.take()) {
            const { key, before, after } = value as Record<"key" | "before" | "after", unknown>;
            expect(rows.get(key) ?? null).toBe(before);
            rows.set(key, after);
          }
          for (const key of ["a", "b"]) {
            expect(rows.get(key) ?? null).toBe(lastJoin(mode, records, key));
          }
        }),
        { numRuns: 40 },
      );
    },
  );
});

interface Upsert {
  readonly side: "left" | "right";
  readonly key: string;
  readonly name: string | null;
  readonly isRestored: boolean;
}

const recordsInAnyOrder = fc
  .array(
    fc.record<Upsert>({
      side: fc.constantFrom("left", "right"),
      key: fc.constantFrom("a", "b"),
      name: fc.option(fc.constantFrom("x", "y", "z")),
      isRestored: fc.boolean(),
    }),
    { maxLength: 20 },
  )
  .chain((records) =>
    fc.record({
      records: fc.constant(records),
      order: fc.shuffledSubarray([...records.keys()], { minLength: records.length }),
    }),
  );

function lastJoin(mode: JoinMode, records: readonly Upsert[], key: string): string | null {
  const rowOf = (side: "left" | "right"): string | undefined =>
    records.findLast((record) => record.side === side && record.key === key)?.name ?? undefined;
  const [left, right] = [rowOf("left"), rowOf("right")];
  const needsLeft = mode === "inner" || mode === "left";
  const needsRight = mode === "inner" || mode === "right";
  if ((needsLeft && left === undefined) || (needsRight && right === undefined)) return null;
  return left === undefined && right === undefined ? null : `${String(left)}-${String(right)}`;
}
