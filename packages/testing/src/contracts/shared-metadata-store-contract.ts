import type { MetadataWrite } from "@millrace/metadata";
import { describe, expect, test } from "vitest";

import { collectChanges } from "./collect-changes.ts";
import type { MetadataStoreSubject } from "./metadata-store-contract.ts";

const put = (key: string, value: string): MetadataWrite => ({ kind: "put", key, value });

type CreateSubject = () => Promise<MetadataStoreSubject>;

/**
 * Describes a metadata store whose data outlives a handle and is shared by several: each `open` of
 * the subject gives another handle on the same data.
 */
export function describeSharedMetadataStoreContract(
  name: string,
  createSubject: CreateSubject,
): void {
  describe(`${name} metadata store, several handles`, () => {
    describeHandlesAtOnce(createSubject);
    describeReopening(createSubject);
  });
}

function describeHandlesAtOnce(createSubject: CreateSubject): void {
  test("what one handle wrote the other reads, and revisions are common", async () => {
    await using subject = await createSubject();
    const [one, other] = [await subject.open(), await subject.open()];
    const first = await one.transact({ compares: [], writes: [put("a", "1")] });
    const second = await other.transact({ compares: [], writes: [put("b", "2")] });
    expect(second.revision > first.revision).toBe(true);
    expect(await one.list("")).toEqual(await other.list(""));
  });

  test("of transactions through two handles on one revision exactly one wins (S1)", async () => {
    await using subject = await createSubject();
    const [one, other] = [await subject.open(), await subject.open()];
    let { revision } = await one.transact({ compares: [], writes: [put("head", "0")] });
    for (let round = 0; round < 20; round += 1) {
      const results = await Promise.all(
        [one, other].map((handle, index) =>
          handle.transact({
            compares: [{ key: "head", target: "modRevision", equals: revision }],
            writes: [put("head", `${round} by ${index}`)],
          }),
        ),
      );
      expect(results.filter(({ isApplied }) => isApplied)).toHaveLength(1);
      revision = (await other.get("head"))?.modRevision ?? 0n;
    }
  });

  test("a watch through one handle sees what the other writes", async () => {
    await using subject = await createSubject();
    const [one, other] = [await subject.open(), await subject.open()];
    using changes = collectChanges(one, "w/", 0n);
    await other.transact({ compares: [], writes: [put("w/a", "1")] });
    await changes.until((told) => told.length >= 1);
    await other.transact({ compares: [], writes: [{ kind: "delete", key: "w/a" }] });
    await changes.until((told) => told.length >= 2);
    expect(changes.told).toEqual(["w/a=1", "w/a gone"]);
  });
}

function describeReopening(createSubject: CreateSubject): void {
  test("data and revisions survive the close of every handle", async () => {
    await using subject = await createSubject();
    const before = await subject.open();
    await before.transact({ compares: [], writes: [put("a", "1")] });
    const { revision } = await before.transact({ compares: [], writes: [put("b", "2")] });
    const entries = await before.list("");
    await before[Symbol.asyncDispose]();
    const after = await subject.open();
    expect(await after.list("")).toEqual(entries);
    const next = await after.transact({ compares: [], writes: [put("a", "3")] });
    expect(next.revision > revision).toBe(true);
  });

  test("a watch takes up after a reopening where an earlier one was", async () => {
    await using subject = await createSubject();
    const before = await subject.open();
    const { revision } = await before.transact({ compares: [], writes: [put("w/a", "1")] });
    await before.transact({ compares: [], writes: [{ kind: "delete", key: "w/a" }] });
    await before.transact({ compares: [], writes: [put("w/b", "2")] });
    await before[Symbol.asyncDispose]();
    using changes = collectChanges(await subject.open(), "w/", revision);
    await changes.until((told) => told.length >= 2);
    expect(changes.told).toEqual(["w/a gone", "w/b=2"]);
  });
}
