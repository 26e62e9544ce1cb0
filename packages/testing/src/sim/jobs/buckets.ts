import type { ProcessSpec } from "@millrace/graph";

interface BucketContext {
  readonly timestamp: number;
  readonly key: string;
  readonly state: {
    readonly buckets: {
      get(): Readonly<Record<string, number>> | undefined;
      set(value: Readonly<Record<string, number>>): void;
      clear(): void;
    };
  };
  readonly timers: { atEventTime(timeMs: number): void };
  emit(value: unknown): void;
  emitTo(tag: typeof oddTag, value: unknown): void;
}

/** What process functions emit beside their results. */
export const oddTag = { name: "odd" };

/** Returns a process that counts by time bucket in value state; the timer at a bucket's end emits and forgets it. Odd amounts go aside. */
export function bucketProcess(sizeMs: number): ProcessSpec {
  return {
    kind: "process",
    state: { buckets: { kind: "value", version: 1 } },
    onRecord(record: { readonly amount: number }, context: BucketContext) {
      if (record.amount % 2 === 1)
        context.emitTo(oddTag, { key: context.key, amount: record.amount });
      const end = (Math.floor(context.timestamp / sizeMs) + 1) * sizeMs;
      const buckets = context.state.buckets.get() ?? {};
      context.state.buckets.set({ ...buckets, [end]: (buckets[end] ?? 0) + 1 });
      context.timers.atEventTime(end - 1);
    },
    onTimer(timeMs: number, context: BucketContext) {
      const { [timeMs + 1]: count, ...rest } = context.state.buckets.get() ?? {};
      if (Object.keys(rest).length === 0) context.state.buckets.clear();
      else context.state.buckets.set(rest);
      context.emit({ key: context.key, end: timeMs + 1, count: count ?? 0, amount: count ?? 0 });
    },
  };
}

/** Returns the same over two inputs: the second counts a thousandfold. */
export function pairProcess(sizeMs: number): ProcessSpec {
  const countAs = (weight: number) => (_record: unknown, context: BucketContext) => {
    const end = (Math.floor(context.timestamp / sizeMs) + 1) * sizeMs;
    const buckets = context.state.buckets.get() ?? {};
    context.state.buckets.set({ ...buckets, [end]: (buckets[end] ?? 0) + weight });
    context.timers.atEventTime(end - 1);
  };
  return { ...bucketProcess(sizeMs), onRecord: countAs(1), onSecond: countAs(1_000) };
}
