import type { FailureData, LogLevel, OwnedTlsMaterial, StreamHint } from "@millrace/core";

import type { SlotEvent } from "../slot/slot-messages.ts";

/** What a slot thread is started with. */
export interface SlotThreadData {
  readonly workerId: string;
  readonly slotIndex: number;
  readonly hint: StreamHint;
  readonly logLevel: LogLevel;
  /** Channels within the slot go through the codec, so that what cannot be encoded shows at once. */
  readonly encodeLocal: boolean;
  /** What the slot may hold, heap and buffers, in MiB; absent: Node's limit of the heap. */
  readonly memoryMb?: number;
  /** What the windows of its inputs may be together, in MiB; absent: the exchange's default. */
  readonly networkMb?: number;
  /** What its data sockets show; taken out before the author's code loads. Absent: plain text. */
  tls?: OwnedTlsMaterial;
  /**
   * 32-bit cells: count of turns, 1 while a turn runs, the subtask that works (-1: none), and what
   * the slot holds in its heap, in buffers, and of records that wait in its inputs, in KiB.
   */
  readonly progress: SharedArrayBuffer;
}

/** What a slot thread is told, apart from the slot's commands: its worker's certificate was renewed. */
export interface TlsRenewal {
  readonly kind: "renew-tls";
  readonly tls: OwnedTlsMaterial;
}

/** What a slot thread posts. */
export type SlotThreadMessage =
  | { readonly kind: "event"; readonly event: SlotEvent }
  /** The thread ends: something was thrown that nobody caught. */
  | { readonly kind: "fatal"; readonly failure: FailureData };

/** Indexes into the progress cells. */
export const progressCells = {
  turns: 0,
  isBusy: 1,
  taskIndex: 2,
  heapKib: 3,
  bufferKib: 4,
  inputKib: 5,
} as const;
export const progressBytes = 24;
