import type { UserFunction } from "./stream-graph.ts";

/** Virtual: how records reach the subtasks of its consumers (Flink's stream partitioners). */
export type PartitionSpec =
  | {
      readonly kind: "partition";
      /**
       * `broadcast`: each record to all. `rescale`: round robin over the few subtasks next to the
       * sender. `forward`: subtask i to subtask i. `global`: all to subtask 0. `shuffle`: each to a
       * subtask drawn at random.
       */
      readonly by: "broadcast" | "rescale" | "forward" | "global" | "shuffle";
    }
  | {
      readonly kind: "partition";
      readonly by: "custom";
      /** `(record, subtaskCount)`: returns the index of the subtask that gets it. */
      readonly select: UserFunction<number>;
    };
