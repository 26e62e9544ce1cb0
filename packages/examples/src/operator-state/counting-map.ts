import { jsonLines } from "@millrace/file";
import { defineJob, elements, type, type SubtaskFunctions } from "millrace";

/**
 * Numbers the records that pass (Flink's CountingMap): each subtask counts for itself, and what all
 * have counted is one list, of which each subtask gets its part after a restore.
 */
export function countingMap<T>(): SubtaskFunctions<
  T,
  { readonly record: T; readonly count: number }
> {
  let count = 0;
  return {
    initializeState({ operatorState, isRestored }) {
      if (!isRestored) return;
      // At a smaller parallelism a subtask takes over the counts of several.
      for (const before of operatorState.list<number>("count").get()) count += before;
    },
    snapshotState({ operatorState }) {
      operatorState.list<number>("count").set([count]);
    },
    onRecord(record, ctx) {
      count += 1;
      ctx.emit({ record, count });
    },
  };
}

export default defineJob("counting-map", (job) => {
  job
    .source("letters", elements(["a", "b", "c", "d", "e"]))
    .process("counting", {
      emits: type<{ readonly record: string; readonly count: number }>(),
      create: countingMap<string>,
    })
    .sink("counted", jsonLines({ path: "out/counted" }));
});
