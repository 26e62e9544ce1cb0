export type {
  KeyedBackend,
  ListEntry,
  PaneState,
  SnapshotCursor,
  StateBlock,
  TimerState,
  ValueState,
} from "./contract.ts";
