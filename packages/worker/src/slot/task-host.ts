import type { SlotCommand, SlotEvent } from "./slot-messages.ts";

/** Runs slots: each in a thread of its own, or inline in the simulation. */
export interface TaskHost {
  /** Starts a fresh slot that has never run user code. */
  start(slotIndex: number, handlers: SlotHandlers): SlotHandle;
}

export interface SlotHandlers {
  onEvent(event: SlotEvent): void;
  /** The slot is gone without having been asked to terminate; called once. */
  onExit(cause: Error): void;
}

export interface SlotHandle {
  post(command: SlotCommand): void;
  /**
   * Counts turns of the slot's loop, read without asking the slot: a slot whose count stands still
   * while `isBusy` hangs in the author's code.
   */
  progress(): SlotProgress;
  /** What the slot holds, as of about a second ago; undefined where that is not known. */
  memory(): SlotMemory | undefined;
  /** Ends the slot wherever it is, within milliseconds; nothing is called afterwards. */
  terminate(): Promise<void>;
}

export interface SlotProgress {
  readonly turns: number;
  readonly isBusy: boolean;
  /** Which of its subtasks works, in the order of the preparation; absent: none of them. */
  readonly taskIndex?: number;
}

export interface SlotMemory {
  /** Of the heap; what is not needed any more counts until it is collected. */
  readonly heapBytes: number;
  /** Records that wait in its inputs; a part of the buffers. */
  readonly inputBytes: number;
  /** Outside the heap: typed arrays and buffers. */
  readonly bufferBytes: number;
}

/** The slot's own end: what `runSlot` is given. */
export interface SlotPort {
  send(event: SlotEvent): void;
  setHandler(onCommand: (command: SlotCommand) => void): void;
  /** Says that the loop began (true) or ended (false) a turn. */
  markTurn(isBusy: boolean): void;
  /** Says within a turn which subtask works now, in the order of the preparation. */
  markTask(taskIndex: number): void;
}
