import { StreamError } from "@millrace/core";
import type { ObjectStore } from "@millrace/storage";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

export interface ObjectStoreSubject extends AsyncDisposable {
  readonly store: ObjectStore;
}

type CreateSubject = () => Promise<ObjectStoreSubject>;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (content: Uint8Array): string => new TextDecoder().decode(content);

export interface ObjectStoreContractOptions {
  /**
   * Whether `a/b` can be asked for while `a` is an object; default true. Some servers that keep
   * objects as files answer with an error; Millrace never names objects so.
   */
  readonly canLookBelowObjects?: boolean;
  /**
   * Whether a put always succeeds while the last neighbour of its object is removed; default true.
   * A server that keeps objects as files may lose the folder under the put and answer that it is to
   * be repeated, as S3 may answer any request; a store that does not retry passes that on.
   */
  readonly canPutBesideRemoval?: boolean;
}

/** Describes what every object store does; each test gets a fresh, empty subject. */
export function describeObjectStoreContract(
  name: string,
  createSubject: CreateSubject,
  { canLookBelowObjects = true, canPutBesideRemoval = true }: ObjectStoreContractOptions = {},
): void {
  const below = canLookBelowObjects ? ["jobs/a/1/below"] : [];
  describe(`${name} object store`, () => {
    describeObjects(createSubject, below);
    describeStoredBytes(createSubject);
    describeNames(createSubject);
    describeRemoval(createSubject, below);
    describeCrowd(createSubject, canPutBesideRemoval);
  });
}

function describeObjects(createSubject: CreateSubject, below: readonly string[]): void {
  test("an object is its parts, one behind the other, and any range of them", async () => {
    await using subject = await createSubject();
    const { store } = subject;
    let objectCount = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }),
        fc.nat(400),
        fc.nat(2_000),
        async (parts, offset, length) => {
          objectCount += 1;
          const name = `objects/${objectCount}`;
          const whole = Buffer.concat(parts);
          await store.put(name, parts);
          expect(await store.stat(name)).toBe(whole.length);
          expect(Buffer.from(await store.get(name)).equals(whole)).toBe(true);
          const range = await store.get(name, { offset, length });
          expect(Buffer.from(range).equals(whole.subarray(offset, offset + length))).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("an object that is not there is not-found, and has no size", async () => {
    await using subject = await createSubject();
    const { store } = subject;
    await store.put("jobs/a/1", [bytes("x")]);
    for (const name of ["none", "jobs", "jobs/a", "jobs/a/2", ...below]) {
      expect(await store.stat(name)).toBeUndefined();
      await expect(store.get(name)).rejects.toMatchObject({
        code: "not-found",
        retry: "never",
        message: expect.stringContaining(name),
      });
    }
  });
}

function describeStoredBytes(createSubject: CreateSubject): void {
  test("what is stored does not change with the buffers that were put or got", async () => {
    await using subject = await createSubject();
    const { store } = subject;
    const mine = bytes("same");
    await store.put("a", [mine]);
    mine.fill(0);
    (await store.get("a")).fill(0);
    expect(text(await store.get("a"))).toBe("same");
  });

  test("a put of the same bytes again, as after an unknown outcome, changes nothing (F11)", async () => {
    await using subject = await createSubject();
    const { store } = subject;
    await Promise.all([store.put("a", [bytes("same")]), store.put("a", [bytes("same")])]);
    await store.put("a", [bytes("sa"), bytes("me")]);
    expect(text(await store.get("a"))).toBe("same");
    expect(await store.list("")).toEqual([{ name: "a", sizeBytes: 4 }]);
  });

  test("a call whose signal has aborted ends with its reason and stores nothing", async () => {
    await using subject = await createSubject();
    const { store } = subject;
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(store.put("a", [bytes("x")], signal)).rejects.toThrow("enough");
    await expect(store.get("a", undefined, signal)).rejects.toThrow("enough");
    expect(await store.list("")).toEqual([]);
  });
}

function describeNames(createSubject: CreateSubject): void {
  test("a list holds exactly the names with the prefix, by name, with their sizes", async () => {
    await using subject = await createSubject();
    const { store } = subject;
    const names = ["jobs/a/1/x", "jobs/a/10/x", "jobs/a/2/x", "jobs/ab/1/x", "jobs-1", "bundles/b"];
    for (const name of names) await store.put(name, [bytes(name)]);
    const list = async (prefix: string): Promise<readonly string[]> =>
      (await store.list(prefix)).map(({ name }) => name);
    expect(await list("")).toEqual(names.toSorted());
    expect(await list("jobs/a/1")).toEqual(["jobs/a/1/x", "jobs/a/10/x"]);
    expect(await list("jobs/a/")).toEqual(["jobs/a/1/x", "jobs/a/10/x", "jobs/a/2/x"]);
    expect(await list("jobs/a/1/x/below/")).toEqual([]);
    expect(await list("none/")).toEqual([]);
    expect(await store.list("bundles/")).toEqual([{ name: "bundles/b", sizeBytes: 9 }]);
  });

  test.each([
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "../a",
    "a/../../b",
    "a/./b",
    ".hidden",
    "a\\b",
    "a b",
  ])("%j cannot name an object", async (name) => {
    await using subject = await createSubject();
    await expect(subject.store.put(name, [])).rejects.toMatchObject({ code: "invalid-argument" });
    expect(await subject.store.list("")).toEqual([]);
  });

  test.each(["../", "/", "a/../", "./"])("%j cannot begin a name", async (prefix) => {
    await using subject = await createSubject();
    await expect(subject.store.list(prefix)).rejects.toMatchObject({ code: "invalid-argument" });
  });
}

function describeRemoval(createSubject: CreateSubject, below: readonly string[]): void {
  test("removed objects are gone, others stay, and those that were not there are no error", async () => {
    await using subject = await createSubject();
    const { store } = subject;
    for (const name of ["jobs/a/1", "jobs/a/2", "jobs/b/1"]) await store.put(name, [bytes("x")]);
    await store.remove([...below, "jobs/a/1", "jobs/a/2", "jobs/c/1"]);
    await store.remove(["jobs/a/1"]);
    await store.remove([]);
    expect((await store.list("")).map(({ name }) => name)).toEqual(["jobs/b/1"]);
    await expect(store.get("jobs/a/1")).rejects.toMatchObject({ code: "not-found" });
  });
}

function describeCrowd(createSubject: CreateSubject, canPutBesideRemoval: boolean): void {
  test("objects can be put while the last neighbour is removed", async () => {
    await using subject = await createSubject();
    const { store } = subject;
    const roundCount = 20;
    let repeatCount = 0;
    for (let round = 0; round < roundCount; round += 1) {
      const put = (): Promise<void> => store.put(`jobs/a/${round}/new`, [bytes("y")]);
      await store.put(`jobs/a/${round}/old`, [bytes("x")]);
      const removal = store.remove([`jobs/a/${round}/old`]);
      const [isRepeated] = await Promise.all([putOrRepeat(put, removal), removal]);
      if (isRepeated) repeatCount += 1;
      expect(text(await store.get(`jobs/a/${round}/new`))).toBe("y");
    }
    // A removal disturbs a put now and then, where the store is one that cannot help it.
    expect(repeatCount).toBeLessThan(canPutBesideRemoval ? 1 : roundCount / 2);
  });
}

/** Does what the store's error asks for, once what disturbed the put is over; returns whether it had to. */
async function putOrRepeat(put: () => Promise<void>, removal: Promise<void>): Promise<boolean> {
  try {
    await put();
    return false;
  } catch (error) {
    if (!StreamError.is(error, "unavailable") || error.retry !== "backoff") throw error;
    await removal;
    await put();
    return true;
  }
}
