import type { ProcessSpec, UserFunction } from "./stream-graph.ts";

/** What both kinds share: the second input is behind a broadcast, and it alone changes the state. */
interface BroadcastSide {
  /** Names of the states that are the same in all subtasks. */
  readonly broadcastState: readonly string[];
  readonly onBroadcast: UserFunction<void>;
}

/** Functions over records without keys beside what is broadcast (Flink's BroadcastProcessFunction). */
export interface BroadcastProcessSpec extends BroadcastSide {
  readonly kind: "broadcast-process";
  readonly onRecord: UserFunction<void>;
}

/** As `process` over the first input, beside what is broadcast (KeyedBroadcastProcessFunction). */
export interface KeyedBroadcastProcessSpec
  extends Omit<ProcessSpec, "kind" | "onSecond">, BroadcastSide {
  readonly kind: "keyed-broadcast-process";
}
