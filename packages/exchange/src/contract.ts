import type { AttemptRef, Barrier, DrainPace, LookAhead, StreamError } from "@millrace/core";

/** One slot's side of the record exchange: its listener, its connections, all of its channels. */
export interface Exchange extends AsyncDisposable {
  /** Where other slots connect; known before any attempt. */
  readonly dataAddress: string;
  /**
   * Prepares the one attempt that this slot serves. Hellos that came early are held (bounded) and
   * answered from here; those of a lower attempt or with another token are refused (S2).
   */
  begin(attempt: ExchangeAttempt): void;
  /** Adds the receiving side of one channel; before `open`. */
  addInput(address: ChannelAddress): InputChannel;
  /** Adds the sending side of one edge of one subtask; before `open`. */
  addOutput(output: OutputOptions): OutputGate;
  /** Bytes that wait in all channels into the slot. */
  bufferedBytes(): number;
  /** Connects the outputs and gives the inputs their first credit: every subtask is restored. */
  open(): void;
}

export interface ExchangeAttempt {
  readonly ref: AttemptRef;
  /** Random per attempt; every channel hello must show it. */
  readonly channelToken: string;
  /** Something happened for the task loop: an element arrived, or an output has room again. */
  readonly onWake: () => void;
  /** An output is full: who emits should pause. */
  readonly onFull: () => void;
  /** A channel broke: the attempt fails. Called once. */
  readonly onFailure: (error: StreamError) => void;
}

/** Which channel: an edge of the plan and a subtask at either end. */
export interface ChannelAddress {
  readonly edgeIndex: number;
  readonly fromIndex: number;
  readonly toIndex: number;
}

/**
 * The receiving end of a channel: a FIFO of elements. It decodes lazily, inside `drain`.
 *
 * I1 Order is that of the sender, without gap or repeat (sequence numbers and CRC asserted, S8).
 * I2 Credit goes back when a batch is used up, never before.
 */
export interface InputChannel {
  readonly address: ChannelAddress;
  /** The first element that is not used up, or undefined. */
  head(): StreamElement | undefined;
  /** Drops the head. */
  advance(): void;
  /** Bytes received and not used up. */
  bufferedBytes(): number;
}

export type StreamElement =
  | { readonly kind: "records"; readonly batch: RecordBatch }
  | { readonly kind: "watermark"; readonly watermarkMs: number }
  /** The channel has nothing to say for now (idle), or has again. */
  | { readonly kind: "status"; readonly isIdle: boolean }
  | { readonly kind: "barrier"; readonly barrier: Barrier }
  /** No record or watermark follows; barriers still do. */
  | { readonly kind: "end-of-input" };

/** A resumable cursor over the records of a frame. */
export interface RecordBatch {
  /**
   * Calls `consume` until the batch is used up (true) or the pace ends (false). Where records have
   * hashes, `lookAhead` is told of those that follow, each time that the pace was asked.
   */
  drain(consume: ConsumeRecord, pace: DrainPace, lookAhead?: LookAhead): boolean;
  readonly recordCount: number;
  /** Of the record that was handed out last: for error messages. */
  position(): { readonly frameSequence: number; readonly recordIndex: number };
}

/** `hash` is the key's hash on hash-partitioned edges, else 0. */
export type ConsumeRecord = (value: unknown, timestampMs: number, hash: number) => void;

export interface OutputOptions {
  readonly edgeIndex: number;
  readonly fromIndex: number;
  /** By subtask index of the receiving vertex. */
  readonly targets: readonly { readonly toIndex: number; readonly dataAddress: string }[];
  readonly partitioning: OutputPartitioning;
}

/** `global`: all to the first target. `rebalance`: round robin. `broadcast`: each record to all. */
export type OutputPartitioning =
  | { readonly kind: "forward" }
  | { readonly kind: "global" }
  | { readonly kind: "rebalance" }
  | { readonly kind: "shuffle" }
  | { readonly kind: "broadcast" }
  | {
      readonly kind: "custom";
      /** Returns the index of the target. */
      readonly select: (value: unknown, targetCount: number) => unknown;
    }
  | {
      readonly kind: "hash";
      readonly selectKey: (value: unknown) => unknown;
      readonly maxParallelism: number;
    };

/**
 * The sending side of one edge. Never blocks: it takes what is emitted and says whether it has room.
 *
 * I1 Barriers are appended to all channels at once, whatever their credit.
 * I2 A credit may go negative by at most what one user call emits; a hard limit fails the task with
 *    `output-limit`.
 */
export interface OutputGate {
  /** Throws `record-not-encodable`, `record-too-large`, `key-not-encodable`. */
  emit(value: unknown, timestampMs: number): void;
  /** As `emit` on a hash edge, for a value whose key has this hash: selects no key. */
  emitHashed(value: unknown, timestampMs: number, hash: number): void;
  emitWatermark(watermarkMs: number): void;
  emitStatus(isIdle: boolean): void;
  emitBarrier(barrier: Barrier): void;
  emitEndOfInput(): void;
  /** Whether every channel has credit and buffer left. */
  hasRoom(): boolean;
  /** Sends what is buffered if it is due: full, asked for by `isIdle`, or old by the turn's clock. */
  flush(nowMs: number, isIdle: boolean): void;
  /** Says END on every channel: the other ends see a clean end. */
  finish(): void;
}
