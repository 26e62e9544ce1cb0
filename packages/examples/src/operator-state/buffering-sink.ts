import { jsonLines } from "@millrace/file";
import { defineJob, elements, type, type OperatorListState, type SubtaskFunctions } from "millrace";

/**
 * Gathers records and hands them on in batches (Flink's BufferingSink): what waits for the rest of
 * its batch is state, so that no checkpoint has to wait for it.
 */
export function bufferingSink<T>(batchSize: number): SubtaskFunctions<T, readonly T[]> {
  let waiting: T[] = [];
  let stored: OperatorListState<T> | undefined;
  return {
    initializeState({ operatorState }) {
      stored = operatorState.list<T>("waiting");
      // Empty, unless this attempt goes on from a checkpoint.
      waiting = [...stored.get()];
    },
    snapshotState() {
      stored?.set(waiting);
    },
    onRecord(record, ctx) {
      waiting.push(record);
      if (waiting.length < batchSize) return;
      ctx.emit(waiting);
      waiting = [];
    },
    onEnd(ctx) {
      if (waiting.length > 0) ctx.emit(waiting);
      waiting = [];
    },
  };
}

export default defineJob("buffering-sink", (job) => {
  job
    .source("letters", elements(["a", "b", "c", "d", "e"]))
    .process("buffer", {
      emits: type<readonly string[]>(),
      create: () => bufferingSink<string>(2),
    })
    .sink("batches", jsonLines({ path: "out/batches" }));
});
