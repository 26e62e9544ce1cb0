import { expect, expectTypeOf, test } from "vitest";

import { defineJob } from "./define-job.ts";
import { elements } from "./elements.ts";
import { type } from "./emits.ts";
import type { KeyedStream } from "./keyed-stream.ts";
import { state } from "./state.ts";

interface Visit {
  readonly user: string;
  readonly page: string;
  readonly at: number;
}

function withVisits(write: (visits: KeyedStream<Visit, string>) => void) {
  return defineJob("states", (job) => {
    const visits = job.source("visits", elements<Visit>([]), {
      watermarks: { timestamp: ({ at }) => at },
    });
    write(visits.keyBy(({ user }) => user));
    visits.print();
  }).build({ params: {}, baseDirectory: "/" });
}

test("handles have the types of what was declared, deeply readonly", () => {
  const graph = withVisits((visits) => {
    visits
      .process("kinds", {
        emits: type<string>(),
        state: {
          pages: state.map<string, { counts: number[] }>({ ttl: "7 days" }),
          recent: state.list<{ page: string }>(),
          most: state.reducing<number>({ reduce: (left, right) => Math.max(left, right) }),
          mean: state.aggregating({
            create: () => ({ sum: 0, count: 0 }),
            add: (mean, value: number) => {
              mean.sum += value;
              mean.count += 1;
            },
            result: ({ sum, count }) => sum / count,
          }),
        },
        onRecord(visit, { state: { pages, recent, most, mean } }) {
          expectTypeOf(pages.get("home")).toEqualTypeOf<
            { readonly counts: readonly number[] } | undefined
          >();
          // @ts-expect-error -- the map's keys are strings
          pages.set(1, { counts: [] });
          pages.update(visit.page, (page) => ({ counts: [...(page?.counts ?? []), visit.at] }));
          for (const [page, { counts }] of pages.entries()) {
            expectTypeOf(page).toEqualTypeOf<string>();
            expectTypeOf(counts).toEqualTypeOf<readonly number[]>();
          }
          expectTypeOf(recent.get()).toEqualTypeOf<readonly { readonly page: string }[]>();
          expectTypeOf(recent).not.toHaveProperty("update");
          recent.add({ page: visit.page });
          expectTypeOf(most.get()).toEqualTypeOf<number | undefined>();
          most.add(visit.at);
          // @ts-expect-error -- what is added is a number
          mean.add("much");
          mean.add(visit.at);
          expectTypeOf(mean.get()).toEqualTypeOf<number | undefined>();
        },
        open(ctx) {
          expectTypeOf(ctx.isRestored).toEqualTypeOf<boolean>();
          expectTypeOf(ctx).not.toHaveProperty("state");
        },
        close: () => Promise.resolve(),
      })
      .print();
    // @ts-expect-error -- a time to live has a unit
    expect(() => state.value<number>({ ttl: "7" })).toThrow("not a number with a unit");
    // @ts-expect-error -- a function is no key
    state.map<() => void, number>();
    // @ts-expect-error -- a reducing state says how it reduces
    expect(() => state.reducing<number>({})).not.toThrow();
  });
  expect(graph.nodes.map(({ name }) => name)).toContain("kinds");
});

test("a time to live is by processing time and put off by writing, unless it says otherwise", () => {
  expect(state.value<number>({ ttl: "1 hour" }).ttl).toEqual({
    afterMs: 3_600_000,
    by: "processing-time",
    refresh: "write",
  });
  const ttl = { after: "2 s", by: "event-time", refresh: "read-and-write" } as const;
  expect(state.map<string, number>({ ttl, version: 3 })).toEqual({
    kind: "map",
    version: 3,
    ttl: { afterMs: 2_000, by: "event-time", refresh: "read-and-write" },
  });
});
