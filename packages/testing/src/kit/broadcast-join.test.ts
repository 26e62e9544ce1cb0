import { defineJob, elements, type, type DataStream, type Job, type Table } from "@millrace/api";
import { describe, expect, test } from "vitest";

import { nowhere } from "../test-kit/nowhere.ts";
import { simulate, type Simulation } from "./simulate.ts";

interface Sale {
  readonly id: number;
  readonly product: number;
}

interface Price {
  readonly product: number;
  readonly cents: number | null;
}

type Joined = readonly [id: number, product: number, cents: number | null];

const sales = Array.from({ length: 200 }, (_, id): Sale => ({ id, product: id % 6 }));
/** Each product twice: the first price is below 100, the second one above; product 4 is deleted, 5 not there. */
const prices: readonly Price[] = [
  ...[0, 1, 2, 3, 4].map((product) => ({ product, cents: 10 + product })),
  ...[0, 1, 2, 3].map((product) => ({ product, cents: 100 + product })),
  { product: 4, cents: null },
];

function write(
  name: "inner" | "left",
  change = (table: Table<number, number>): Table<number, number> => table,
) {
  const add = (job: Job): DataStream<Joined> => {
    const table = job
      .source("prices", elements<Price>([]))
      .keyBy(({ product }) => product)
      .toTable("price-rows", { value: ({ cents }: Price) => cents, order: "arrival" });
    const join = job
      .source("sales", elements<Sale>([]))
      .joinBroadcast(change(table), ({ product }) => product);
    return name === "inner"
      ? join.inner("with-price", ({ id, product }, cents): Joined => [id, product, cents])
      : join.left("with-price", ({ id, product }, cents): Joined => [id, product, cents ?? null]);
  };
  return defineJob("priced", (job) => add(job).sink("out", nowhere));
}

function joinedBy({ outputs, violation }: Simulation): readonly Joined[] {
  expect(violation).toBeUndefined();
  return outputs["out"] as readonly Joined[];
}

const inputs = { sales, prices };

describe("a join with a broadcast table", () => {
  test("keeps each record once where it is left, with its key's row or none", async () => {
    const joined = joinedBy(
      await simulate(write("left"), { seed: "1", inputs, splits: 1, parallelism: 3 }),
    );
    expect(joined.map(([id]) => id).toSorted((x, y) => x - y)).toEqual(sales.map(({ id }) => id));
    for (const [, product, cents] of joined) {
      expect(product < 4 ? [null, 10 + product, 100 + product] : [null, 14]).toContain(cents);
    }
    // The table is small and read soon: most records find its last rows.
    const latest = joined.filter(([, product, cents]) => cents === 100 + product);
    expect(latest.length).toBeGreaterThan(50);
  });

  test("gives a record its own event time, and leaves those of a sender in their order", async () => {
    const job = defineJob("timed", (to) => {
      const table = to
        .source("prices", elements<Price>([]))
        .keyBy(({ product }) => product)
        .toTable("price-rows", { value: ({ cents }: Price) => cents, order: "arrival" });
      to.source("sales", elements<Sale>([]), { watermarks: { timestamp: ({ id }) => id * 10 } })
        .joinBroadcast(table, ({ product }) => product)
        .left("with-price", ({ id }) => id)
        .process("stamp", {
          emits: type<readonly [id: number, arrival: number, timestamp: number]>(),
          create: () => {
            let arrival = 0;
            return {
              onRecord(id, ctx) {
                ctx.emit([id, arrival, ctx.timestamp]);
                arrival += 1;
              },
            };
          },
        })
        .sink("out", nowhere);
    });
    const run = await simulate(job, { seed: "6", inputs, splits: 1, parallelism: 1 });
    const stamped = joinedBy(run).toSorted(([left], [right]) => left - right);
    expect(stamped).toEqual(sales.map(({ id }) => [id, id, id * 10]));
  });

  test("drops records without a row where it is inner", async () => {
    const joined = joinedBy(
      await simulate(write("inner"), { seed: "1", inputs, splits: 1, parallelism: 2 }),
    );
    expect(joined.length).toBeGreaterThan(50);
    expect(joined.every(([, product, cents]) => product < 5 && cents !== null)).toBe(true);
  });

  test("takes a table that was mapped and filtered, or is a join itself", async () => {
    const changed = write("left", (table) =>
      table
        .mapValues((cents) => cents * 2)
        .filter((cents) => cents > 203)
        .join(table)
        .inner("both", (double, single) => double + single),
    );
    const joined = joinedBy(
      await simulate(changed, { seed: "2", inputs, splits: 1, parallelism: 2 }),
    );
    const found = joined.filter(([, , cents]) => cents !== null);
    expect(found.length).toBeGreaterThan(10);
    expect(new Set(found.map(([, product, cents]) => `${product}: ${cents}`))).toEqual(
      new Set(["2: 306", "3: 309"]),
    );
  });

  test("has its rows in all subtasks over kills, and at another parallelism", async () => {
    for (const [seed, parallelism, restoreAt] of [
      ["3", 1, 3],
      ["4", 3, 2],
      ["5", 2, 3],
    ] as const) {
      const options = { seed, inputs, splits: 1, parallelism, restoreAt, faults: true };
      const joined = joinedBy(await simulate(write("left"), options));
      expect(joined).toHaveLength(sales.length);
      // What is read behind the restore finds the last rows, in whichever subtask it is.
      const last = joined.filter(([id]) => id >= 190);
      for (const [, product, cents] of last) {
        expect(cents).toBe(product < 4 ? 100 + product : null);
      }
    }
  });
});
