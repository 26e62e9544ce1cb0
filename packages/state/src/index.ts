export type {
  KeyedBackend,
  ListEntry,
  MapState,
  PaneJoin,
  PaneState,
  SnapshotCursor,
  StateBlock,
  TimeDomain,
  TimerState,
  ValueState,
} from "./contract.ts";
export { createHeapBackend, type HeapBackendOptions } from "./heap-backend.ts";
export { decodeListBlock, encodeListBlock } from "./list-block.ts";
export { maxLookAhead } from "./number-table.ts";
export type { TimeToLive } from "./time-to-live.ts";
export { parseFooter, SegmentBuilder, type SegmentBlock, type SegmentFooter } from "./segment.ts";
