import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { chooseInFlight, encodeInFlight, type InFlightRecord } from "./in-flight-entries.ts";

const turn = { post: (callback: () => void) => queueMicrotask(callback) };

function encode(records: readonly InFlightRecord[], subtaskIndex = 0, parallelism = 1) {
  const owner = { subtaskIndex, parallelism };
  return encodeInFlight(records, { owner, operatorName: "prices", turn });
}

function timed(values: readonly unknown[]): readonly InFlightRecord[] {
  return values.map((record, index) => ({ record, timestampMs: index }));
}

test("records come back as they were, in order, also many and large ones", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.string({ maxLength: 3_000 }), fc.dictionary(fc.string(), fc.double()))),
      fc.nat(700),
      async (values, more) => {
        const records = timed([...values, ...Array.from({ length: more }, (_, at) => ({ at }))]);
        const own = { subtaskIndex: 0, parallelism: 1 };
        expect(chooseInFlight(await encode(records), own, "prices")).toEqual(records);
      },
    ),
    { numRuns: 30 },
  );
});

test("a record's time may be minus infinity, and its value all that state may hold", async () => {
  const record = { at: new Date(5), big: 7n, map: new Map([["a", new Set([1])]]), none: undefined };
  const records = [{ record, timestampMs: -Infinity }];
  const own = { subtaskIndex: 0, parallelism: 1 };
  expect(chooseInFlight(await encode(records), own, "prices")).toEqual(records);
});

describe("restored", () => {
  const partsOf = async () =>
    (
      await Promise.all(
        [0, 1, 2].map((index) => encode(timed([`${index}a`, `${index}b`, `${index}c`]), index, 3)),
      )
    ).flat();

  test("at the same parallelism a record stays where it was", async () => {
    const entries = await partsOf();
    const own = { subtaskIndex: 1, parallelism: 3 };
    const chosen = chooseInFlight(entries, own, "prices").map(({ record }) => record);
    expect(chosen).toEqual(["1a", "1b", "1c"]);
  });

  test("at another parallelism each record goes to one subtask", async () => {
    const entries = await partsOf();
    for (const parallelism of [1, 2, 4, 20]) {
      const chosen = Array.from({ length: parallelism }, (_, subtaskIndex) =>
        chooseInFlight(entries, { subtaskIndex, parallelism }, "prices"),
      ).flat();
      expect(chosen.map(({ record }) => String(record)).toSorted()).toEqual(
        [0, 1, 2].flatMap((index) => [`${index}a`, `${index}b`, `${index}c`]),
      );
    }
  });

  test("what is no such entry is refused, and damaged bytes do not decode", async () => {
    const own = { subtaskIndex: 0, parallelism: 1 };
    const codeOf = (entry: Parameters<typeof chooseInFlight>[0][number]): unknown => {
      try {
        return chooseInFlight([entry], own, "prices");
      } catch (error) {
        return error;
      }
    };
    for (const entry of [null, 7, [], {}, { formatVersion: 2 }]) {
      expect(codeOf(entry)).toMatchObject({ code: "state-incompatible" });
    }
    const owner = { subtaskIndex: 0, parallelism: 1 };
    const damaged = { formatVersion: 1, owner, count: 2, records: "AAAA" };
    expect(codeOf(damaged)).toMatchObject({ code: "decode-failed" });
  });
});

test("a record that state cannot hold fails the checkpoint and says why", async () => {
  await expect(encode(timed([{ call: () => 1 }]))).rejects.toMatchObject({
    code: "state-not-encodable",
    message: expect.stringContaining("operator prices"),
  });
});

test("the bytes of version 1 are frozen", async () => {
  const [entry] = await encode([{ record: { id: 7, name: "mill" }, timestampMs: 1_000 }], 1, 2);
  expect(entry).toEqual({
    formatVersion: 1,
    owner: { subtaskIndex: 1, parallelism: 2 },
    count: 1,
    records: "AAAAAABAj0AgAgIAaWQEAG5hbWWHRG1pbGw=",
  });
});
