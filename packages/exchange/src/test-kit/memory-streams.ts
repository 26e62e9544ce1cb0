import {
  assert,
  type ByteStream,
  type ByteStreamHandlers,
  type Clock,
  type Listener,
  type StreamHint,
  type StreamNetwork,
} from "@millrace/core";

/** Byte streams in memory: nothing arrives before `run`, and what arrives is torn as told. */
export class MemoryStreams implements StreamNetwork {
  readonly #tear: (bytes: Uint8Array) => readonly Uint8Array[];
  readonly #listeners = new Map<string, (stream: ByteStream) => void>();
  readonly #queue: (() => void)[] = [];
  readonly #streams: MemoryStream[] = [];
  #count = 0;

  constructor(tear: (bytes: Uint8Array) => readonly Uint8Array[] = (bytes) => [bytes]) {
    this.#tear = tear;
  }

  listenStreams(_hint: StreamHint, onStream: (stream: ByteStream) => void): Promise<Listener> {
    this.#count += 1;
    const address = `memory:${this.#count}`;
    this.#listeners.set(address, onStream);
    return Promise.resolve({
      address,
      [Symbol.asyncDispose]: () => {
        this.#listeners.delete(address);
        return Promise.resolve();
      },
    });
  }

  openStream(address: string): MemoryStream {
    const post = (run: () => void): void => void this.#queue.push(run);
    const opened = new MemoryStream(address, this.#tear, post);
    const accepted = new MemoryStream("opener", this.#tear, post);
    opened.other = accepted;
    accepted.other = opened;
    this.#streams.push(opened, accepted);
    post(() => {
      const onStream = this.#listeners.get(address);
      if (onStream === undefined) opened.arriveClose(new Error(`nobody listens at ${address}`));
      else onStream(accepted);
    });
    return opened;
  }

  /** Delivers everything that is under way, and what that leads to. */
  run(): void {
    for (let step = this.#queue.shift(); step !== undefined; step = this.#queue.shift()) step();
  }

  /** Breaks every stream, as a lost network does. */
  breakAll(cause: Error): void {
    for (const stream of this.#streams) stream.arriveClose(cause);
  }

  /** Bytes written that have not arrived. */
  bufferedBytes(): number {
    return this.#streams.reduce((sum, stream) => sum + stream.bufferedBytes(), 0);
  }

  /** Streams that neither end has closed. */
  openCount(): number {
    return this.#streams.filter((stream) => !stream.isClosed).length;
  }
}

/** One end of a stream. */
export class MemoryStream implements ByteStream {
  readonly peer: string;
  isClosed = false;
  other: MemoryStream | undefined;
  readonly #tear: (bytes: Uint8Array) => readonly Uint8Array[];
  readonly #post: (run: () => void) => void;
  #handlers: ByteStreamHandlers | undefined;
  #held: (() => void)[] = [];
  #bufferedBytes = 0;

  constructor(
    peer: string,
    tear: (bytes: Uint8Array) => readonly Uint8Array[],
    post: (run: () => void) => void,
  ) {
    this.peer = peer;
    this.#tear = tear;
    this.#post = post;
  }

  setHandlers(handlers: ByteStreamHandlers): void {
    assert(this.#handlers === undefined, "handlers are set once");
    this.#handlers = handlers;
    for (const handOver of this.#held.splice(0)) handOver();
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.isClosed) return;
    for (const piece of chunks.flatMap((chunk) => this.#tear(chunk))) {
      this.#bufferedBytes += piece.length;
      this.#post(() => {
        this.#bufferedBytes -= piece.length;
        this.other?.arriveData(piece.slice());
      });
    }
  }

  bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  end(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#post(() => this.other?.arriveClose(undefined));
  }

  destroy(): void {
    this.end();
  }

  arriveData(piece: Uint8Array): void {
    this.#hold(() => {
      if (!this.isClosed) this.#handlers?.onData(piece);
    });
  }

  arriveClose(cause: Error | undefined): void {
    this.#hold(() => {
      if (this.isClosed) return;
      this.isClosed = true;
      this.#handlers?.onClose(cause);
    });
  }

  #hold(handOver: () => void): void {
    if (this.#handlers === undefined) this.#held.push(handOver);
    else handOver();
  }
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): Disposable {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return {
      [Symbol.dispose]: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  advance(durationMs: number): void {
    this.#nowMs += durationMs;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { callback } of due) callback();
  }

  timerCount(): number {
    return this.#timers.length;
  }
}
