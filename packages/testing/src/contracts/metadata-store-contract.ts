import type { MetadataCompare, MetadataStore, MetadataWrite } from "@millrace/metadata";
import { describe, expect, test } from "vitest";

import { collectChanges } from "./collect-changes.ts";

export interface MetadataStoreSubject extends AsyncDisposable {
  /** Returns a handle on the data of this subject; the first one, or a further one. */
  open(): Promise<MetadataStore>;
}

const put = (key: string, value: string): MetadataWrite => ({ kind: "put", key, value });
const remove = (key: string): MetadataWrite => ({ kind: "delete", key });
const absent = (key: string): MetadataCompare => ({ key, target: "createRevision", equals: 0n });
const unchanged = (key: string, modRevision: bigint): MetadataCompare => ({
  key,
  target: "modRevision",
  equals: modRevision,
});

/** Describes what every metadata store does; each test gets a fresh, empty subject. */
export function describeMetadataStoreContract(
  name: string,
  createSubject: () => Promise<MetadataStoreSubject>,
): void {
  describe(`${name} metadata store`, () => {
    describeEntries(createSubject);
    describeTransactions(createSubject);
    describeTransactionLimits(createSubject);
    describeConcurrentTransactions(createSubject);
    describeWatches(createSubject);
  });
}

type CreateSubject = () => Promise<MetadataStoreSubject>;

function describeEntries(createSubject: CreateSubject): void {
  test("a key is absent until it is put, and keeps its create revision while it is there", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    expect(await store.get("a")).toBeUndefined();
    const first = await store.transact({ compares: [], writes: [put("a", "1")] });
    const second = await store.transact({ compares: [], writes: [put("a", "2")] });
    expect(second.revision > first.revision).toBe(true);
    expect(await store.get("a")).toEqual({
      key: "a",
      value: "2",
      createRevision: first.revision,
      modRevision: second.revision,
    });
  });

  test("a key that was deleted and put again has a new create revision", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const first = await store.transact({ compares: [], writes: [put("a", "1")] });
    await store.transact({ compares: [], writes: [remove("a")] });
    expect(await store.get("a")).toBeUndefined();
    const again = await store.transact({ compares: [absent("a")], writes: [put("a", "1")] });
    expect(again.isApplied).toBe(true);
    const entry = await store.get("a");
    expect(entry?.createRevision).toBe(again.revision);
    expect(again.revision > first.revision).toBe(true);
  });

  test("a list holds exactly the keys with the prefix, by key, as of its revision", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const keys = [
      "jobs/b/head",
      "jobs/a/head",
      "jobs/a",
      "jobs",
      "jobs%",
      "job",
      "other",
      "JOBS/a",
    ];
    for (const key of keys) await store.transact({ compares: [], writes: [put(key, key)] });
    const keysOf = async (prefix: string): Promise<readonly string[]> =>
      (await store.list(prefix)).entries.map(({ key }) => key);
    expect(await keysOf("jobs/a")).toEqual(["jobs/a", "jobs/a/head"]);
    expect(await keysOf("jobs%")).toEqual(["jobs%"]);
    expect(await keysOf("none")).toEqual([]);
    expect(await keysOf("")).toEqual(keys.toSorted());
    const last = await store.transact({ compares: [], writes: [remove("jobs")] });
    expect((await store.list("jobs/b")).revision).toBe(last.revision);
  });

  test.each(["", "é 😀 \u0000 '; DROP TABLE entries; --", "x".repeat(200_000)])(
    "a value comes back as it was put (%#)",
    async (value) => {
      await using subject = await createSubject();
      const store = await subject.open();
      await store.transact({ compares: [], writes: [put("a", value)] });
      expect((await store.get("a"))?.value).toBe(value);
    },
  );
}

function describeTransactions(createSubject: CreateSubject): void {
  test("all writes of a transaction have one revision", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const { revision } = await store.transact({
      compares: [],
      writes: [put("a", "1"), put("b", "1")],
    });
    const { entries } = await store.list("");
    expect(entries.map(({ modRevision }) => modRevision)).toEqual([revision, revision]);
  });

  test("one compare that does not hold stops all writes", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const { revision } = await store.transact({ compares: [], writes: [put("a", "1")] });
    const compares: readonly (readonly MetadataCompare[])[] = [
      [absent("a")],
      [unchanged("a", revision), absent("a")],
      [unchanged("a", revision - 1n)],
      [unchanged("b", revision)],
      [{ key: "a", target: "createRevision", equals: revision + 1n }],
    ];
    for (const tried of compares) {
      const writes = [put("a", "2"), put("b", "2"), remove("c")];
      const result = await store.transact({ compares: tried, writes });
      expect(result).toEqual({ isApplied: false, revision });
    }
    expect((await store.list("")).entries).toMatchObject([{ key: "a", value: "1" }]);
  });

  test("compares that hold let the writes through", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const first = await store.transact({ compares: [absent("a")], writes: [put("a", "1")] });
    const second = await store.transact({
      compares: [unchanged("a", first.revision)],
      writes: [put("a", "2")],
    });
    const third = await store.transact({
      compares: [
        { key: "a", target: "createRevision", equals: first.revision },
        unchanged("a", second.revision),
        unchanged("b", 0n),
      ],
      writes: [remove("a"), put("b", "3")],
    });
    expect([first, second, third].map(({ isApplied }) => isApplied)).toEqual([true, true, true]);
    expect((await store.list("")).entries).toMatchObject([{ key: "b", value: "3" }]);
  });

  test("a transaction without writes only compares", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const { revision } = await store.transact({ compares: [], writes: [put("a", "1")] });
    const same = await store.transact({ compares: [unchanged("a", revision)], writes: [] });
    const other = await store.transact({ compares: [absent("a")], writes: [] });
    expect(same).toEqual({ isApplied: true, revision });
    expect(other).toEqual({ isApplied: false, revision });
  });
}

function describeTransactionLimits(createSubject: CreateSubject): void {
  test.each([
    ["writes a twice", [put("a", "1"), remove("a")]],
    ["more than 128", Array.from({ length: 129 }, (_unused, index) => put(`k${index}`, "1"))],
    ["longer than", [put("a", "x".repeat(1_048_577))]],
  ])("a transaction that %s is refused whole", async (reason, writes) => {
    await using subject = await createSubject();
    const store = await subject.open();
    await expect(store.transact({ compares: [], writes })).rejects.toMatchObject({
      code: "internal",
      message: expect.stringContaining(reason),
    });
    expect((await store.list("")).entries).toEqual([]);
  });

  test("128 writes and a value of a mebibyte are taken", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const writes = Array.from({ length: 128 }, (_unused, index) => put(`k${index}`, "1"));
    expect((await store.transact({ compares: [], writes })).isApplied).toBe(true);
    const value = "x".repeat(1_048_576);
    await store.transact({ compares: [], writes: [put("a", value)] });
    expect((await store.get("a"))?.value).toHaveLength(value.length);
  });
}

function describeConcurrentTransactions(createSubject: CreateSubject): void {
  test("of concurrent transactions that expect the same revision exactly one wins (S1)", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const { revision } = await store.transact({ compares: [], writes: [put("head", "0")] });
    const results = await Promise.all(
      Array.from({ length: 20 }, (_unused, index) =>
        store.transact({
          compares: [unchanged("head", revision)],
          writes: [put("head", `${index}`), put(`claim/${index}`, "mine")],
        }),
      ),
    );
    expect(results.filter(({ isApplied }) => isApplied)).toHaveLength(1);
    const winner = results.findIndex(({ isApplied }) => isApplied);
    expect((await store.get("head"))?.value).toBe(`${winner}`);
    expect((await store.list("claim/")).entries).toMatchObject([{ key: `claim/${winner}` }]);
  });
}

function describeWatches(createSubject: CreateSubject): void {
  test("a watch tells changes after its revision in their order, deletions as absence", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const { revision } = await store.transact({ compares: [], writes: [put("w/old", "1")] });
    await store.transact({ compares: [], writes: [put("w/z", "1")] });
    await store.transact({ compares: [], writes: [remove("w/old"), put("other", "1")] });
    using changes = collectChanges(store, "w/", revision);
    await changes.until((told) => told.length >= 2);
    await store.transact({ compares: [], writes: [put("w/a", "1")] });
    await changes.until((told) => told.length >= 3);
    await store.transact({ compares: [], writes: [remove("w/z")] });
    await changes.until((told) => told.length >= 4);
    expect(changes.told).toEqual(["w/z=1", "w/old gone", "w/a=1", "w/z gone"]);
  });

  test("a watch from the current revision is silent until something changes", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    await store.transact({ compares: [], writes: [put("w/a", "1")] });
    const { revision } = await store.list("w/");
    using changes = collectChanges(store, "w/", revision);
    await store.transact({ compares: [], writes: [put("v/b", "1")] });
    await store.transact({ compares: [], writes: [put("w/b", "1")] });
    await changes.until((told) => told.length >= 1);
    expect(changes.told).toEqual(["w/b=1"]);
  });

  test("many changes of one key end with its last value", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    using changes = collectChanges(store, "w/", 0n);
    for (let index = 1; index <= 50; index += 1) {
      await store.transact({ compares: [], writes: [put("w/a", `${index}`)] });
    }
    await changes.until((told) => told.at(-1) === "w/a=50");
    const values = changes.told.map((text) => Number(text.slice("w/a=".length)));
    expect(values).toEqual(values.toSorted((left, right) => left - right));
  });

  test("a disposed watch is silent, another one goes on", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const disposed = collectChanges(store, "w/", 0n);
    using kept = collectChanges(store, "w/", 0n);
    disposed[Symbol.dispose]();
    await store.transact({ compares: [], writes: [put("w/a", "1")] });
    await kept.until((told) => told.length >= 1);
    expect(disposed.told).toEqual([]);
  });
}
