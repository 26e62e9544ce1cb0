import { expect, expectTypeOf, test } from "vitest";

import {
  defineJob,
  elements,
  outputTag,
  tumbling,
  type Change,
  type DataStream,
  type Job,
  type Table,
  type TimeWindow,
} from "./index.ts";

// `tsc -b` compiles this file: an unused `@ts-expect-error` fails the build.

interface Order {
  readonly id: string;
  readonly at: number;
}

interface Payment {
  readonly order: string;
  readonly cents: number;
}

function build(write: (job: Job) => void): () => unknown {
  return () => defineJob("types", write).build({ params: {}, baseDirectory: "/" });
}

function orders(job: Job) {
  return job.source("orders", elements<Order>([])).keyBy(({ id }) => id);
}

function payments(job: Job) {
  return job.source("payments", elements<Payment>([])).keyBy(({ order }) => order);
}

test("a pair has the types of both, and undefined where nobody may have come", () => {
  const write = build((job) => {
    const near = orders(job).join(payments(job)).within({ lower: "0 s", upper: "1 m" });
    const inner = near.inner("inner", (order, payment) => ({ ...order, ...payment }));
    expectTypeOf(inner).toEqualTypeOf<
      DataStream<{ order: string; cents: number; id: string; at: number }>
    >();
    near.left("left", (order, payment) => {
      expectTypeOf(order).toEqualTypeOf<Order>();
      expectTypeOf(payment).toEqualTypeOf<Payment | undefined>();
    });
    near.right("right", (order, payment) => {
      expectTypeOf(order).toEqualTypeOf<Order | undefined>();
      expectTypeOf(payment).toEqualTypeOf<Payment>();
    });
    // @ts-expect-error -- the payment may be missing
    near.outer("outer", (_order, payment) => payment.cents);
  });
  expect(write).not.toThrow();
});

test("a join with a broadcast table has its row, by a key of the table's type", () => {
  const write = build((job) => {
    const table = payments(job).toTable("rows");
    const sales = job.source("sales", elements<Order>([]));
    const join = sales.joinBroadcast(table, ({ id }) => id);
    join
      .inner("inner", (order, payment) => {
        expectTypeOf(order).toEqualTypeOf<Order>();
        expectTypeOf(payment).toEqualTypeOf<Payment>();
      })
      .print();
    join.left("left", (_order, payment) => {
      expectTypeOf(payment).toEqualTypeOf<Payment | undefined>();
    });
    // @ts-expect-error -- the table's keys are texts
    const wrong = (): unknown => sales.joinBroadcast(table, ({ at }) => at);
    expect(wrong).toBeTypeOf("function");
    const byTuple = job
      .source("tuple-payments", elements<Payment>([]))
      .keyBy(({ order, cents }) => [order, cents] as const)
      .toTable("tuples");
    // @ts-expect-error -- broadcast state has no keys that are tuples
    const noKey = (): unknown => sales.joinBroadcast(byTuple, ({ id, at }) => [id, at] as const);
    expect(noKey).toBeTypeOf("function");
  });
  expect(write).not.toThrow();
});

test("a co-group has its key, its window and both sides", () => {
  const write = build((job) => {
    const grouped = orders(job)
      .join(payments(job))
      .window(tumbling("1 m"))
      .coGroup("sums", ({ key, window, left, right }) => {
        expectTypeOf(key).toEqualTypeOf<string>();
        expectTypeOf(window).toEqualTypeOf<TimeWindow>();
        expectTypeOf(left).toEqualTypeOf<readonly Order[]>();
        return right.map(({ cents }) => cents);
      });
    expectTypeOf(grouped).toEqualTypeOf<DataStream<number>>();
  });
  expect(write).not.toThrow();
});

test("a table has the rows that its function makes, without null", () => {
  const write = build((job) => {
    const paid = payments(job).toTable("paid", {
      value: ({ cents }) => (cents === 0 ? null : { cents }),
    });
    expectTypeOf(paid).toEqualTypeOf<Table<{ cents: number }, string>>();
    expectTypeOf(payments(job).toTable("all")).toEqualTypeOf<Table<Payment, string>>();
    expectTypeOf(paid.mapValues(({ cents }) => cents)).toEqualTypeOf<Table<number, string>>();
    const both = orders(job)
      .toTable("orders-rows")
      .join(paid)
      .left("both", (order, payment) => ({ at: order.at, cents: payment?.cents }));
    expectTypeOf(both.toStream()).toEqualTypeOf<
      DataStream<Change<string, { at: number; cents: number | undefined }>>
    >();
    const enriched = orders(job)
      .joinAsOf(paid)
      .inner("enriched", (order, payment) => order.at + payment.cents);
    expectTypeOf(enriched).toEqualTypeOf<DataStream<number>>();
    const latest = orders(job).joinLatest(paid);
    // @ts-expect-error -- there may be no row
    latest.left("latest", (_order, payment) => payment.cents);
  });
  expect(write).not.toThrow();
});

test("keys of two types do not join, and a tag is of its side's records", () => {
  const write = build((job) => {
    const numbered = job.source("numbers", elements([1])).keyBy((value) => value);
    // @ts-expect-error -- strings are not numbers
    orders(job).join(numbered);
    const late = outputTag<Payment>("late");
    // @ts-expect-error -- late orders are no payments
    orders(job).join(payments(job)).within({ lower: "0 s", upper: "1 s", lateLeftTo: late });
  });
  expect(write).not.toThrow();
});
