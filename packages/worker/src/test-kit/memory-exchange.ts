import {
  assert,
  keyGroupOf,
  keyHash,
  subtaskIndexOf,
  type Barrier,
  type StreamError,
} from "@millrace/core";
import type {
  ChannelAddress,
  Exchange,
  ExchangeAttempt,
  InputChannel,
  OutputGate,
  OutputOptions,
  RecordBatch,
  StreamElement,
} from "@millrace/exchange";

/** A record that a test looks at on its way. */
interface Sent {
  readonly value: unknown;
  readonly timestampMs: number;
  readonly hash: number;
}

type Queued =
  | { readonly kind: "batch"; readonly records: Sent[]; next: number; readonly frame: number }
  | { readonly kind: "control"; readonly element: StreamElement };

/** Records that a channel takes before it says that it is full. */
export const channelRoom = 40;

/** A stream network in memory for tests of slots: FIFO channels with a bounded number of records. */
export class MemoryNetwork {
  readonly #channels = new Map<string, MemoryChannel>();
  readonly #attempts = new Map<string, ExchangeAttempt>();
  #count = 0;

  openExchange(): Promise<Exchange> {
    this.#count += 1;
    const dataAddress = `memory:${this.#count}`;
    return Promise.resolve({
      dataAddress,
      begin: (attempt) => void this.#attempts.set(dataAddress, attempt),
      addInput: (address) => this.#channel(dataAddress, address).asInput(),
      addOutput: (options) => this.#gate(dataAddress, options),
      open: () => {},
      bufferedBytes: () => 0,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }

  /** Breaks every channel into the slot at the address. */
  fail(dataAddress: string, error: StreamError): void {
    this.#attempts.get(dataAddress)?.onFailure(error);
  }

  #channel(dataAddress: string, address: ChannelAddress): MemoryChannel {
    const name = `${dataAddress} ${address.edgeIndex} ${address.fromIndex} ${address.toIndex}`;
    const known = this.#channels.get(name) ?? new MemoryChannel(address);
    this.#channels.set(name, known);
    known.onArrival = () => this.#attempts.get(dataAddress)?.onWake();
    return known;
  }

  #gate(own: string, options: OutputOptions): OutputGate {
    const channels = options.targets.map(({ toIndex, dataAddress }) => {
      const { edgeIndex, fromIndex } = options;
      const channel = this.#channel(dataAddress, { edgeIndex, fromIndex, toIndex });
      channel.onRoom = () => this.#attempts.get(own)?.onWake();
      channel.onFull = () => this.#attempts.get(own)?.onFull();
      return channel;
    });
    return createGate(options, channels);
  }
}

function createGate(options: OutputOptions, channels: readonly MemoryChannel[]): OutputGate {
  let turn = 0;
  const control = (element: StreamElement): void => {
    for (const channel of channels) channel.push({ kind: "control", element });
  };
  return {
    emit: (value, timestampMs) => {
      const { partitioning } = options;
      let hash = 0;
      let index = 0;
      if (partitioning.kind === "hash") {
        hash = keyHash(partitioning.selectKey(value));
        const { maxParallelism } = partitioning;
        const group = keyGroupOf(hash, maxParallelism);
        index = subtaskIndexOf(group, { maxParallelism, parallelism: channels.length });
      } else {
        turn += 1;
        index = turn % channels.length;
      }
      channels[index]?.add({ value: structuredClone(value), timestampMs, hash });
    },
    emitHashed: (value, timestampMs, hash) => {
      const { partitioning } = options;
      assert(partitioning.kind === "hash", "only hash edges are emitted to by hash");
      const { maxParallelism } = partitioning;
      const group = keyGroupOf(hash, maxParallelism);
      const index = subtaskIndexOf(group, { maxParallelism, parallelism: channels.length });
      channels[index]?.add({ value: structuredClone(value), timestampMs, hash });
    },
    emitWatermark: (watermarkMs) => control({ kind: "watermark", watermarkMs }),
    emitStatus: (isIdle) => control({ kind: "status", isIdle }),
    emitBarrier: (barrier: Barrier) => control({ kind: "barrier", barrier }),
    emitEndOfInput: () => control({ kind: "end-of-input" }),
    hasRoom: () => channels.every((channel) => channel.recordCount() < channelRoom),
    flush: () => {},
    finish: () => {},
  };
}

class MemoryChannel {
  readonly #address: ChannelAddress;
  readonly #queue: Queued[] = [];
  #frame = 0;
  onArrival: () => void = () => {};
  onRoom: () => void = () => {};
  onFull: () => void = () => {};

  constructor(address: ChannelAddress) {
    this.#address = address;
  }

  recordCount(): number {
    return this.#queue.reduce(
      (sum, one) => sum + (one.kind === "batch" ? one.records.length : 0),
      0,
    );
  }

  add(record: Sent): void {
    const last = this.#queue.at(-1);
    if (last?.kind === "batch" && last.next === 0 && last.records.length < 10) {
      last.records.push(record);
    } else {
      this.#frame += 1;
      this.push({ kind: "batch", records: [record], next: 0, frame: this.#frame });
    }
    if (this.recordCount() >= channelRoom) this.onFull();
  }

  push(queued: Queued): void {
    this.#queue.push(queued);
    this.onArrival();
  }

  asInput(): InputChannel {
    return {
      address: this.#address,
      head: () => {
        const [first] = this.#queue;
        if (first === undefined) return undefined;
        return first.kind === "control"
          ? first.element
          : { kind: "records", batch: batchOf(first) };
      },
      advance: () => {
        this.#queue.shift();
        this.onRoom();
      },
      bufferedBytes: () => this.#queue.length,
    };
  }
}

function batchOf(queued: Extract<Queued, { kind: "batch" }>): RecordBatch {
  return {
    recordCount: queued.records.length,
    drain: (consume, pace) => {
      while (queued.next < queued.records.length) {
        if (pace.left <= 0 && !pace.mayGoOn()) return false;
        pace.left -= 1;
        const record = queued.records[queued.next];
        queued.next += 1;
        if (record !== undefined) consume(record.value, record.timestampMs, record.hash);
      }
      return true;
    },
    position: () => ({ frameSequence: queued.frame, recordIndex: queued.next - 1 }),
  };
}
