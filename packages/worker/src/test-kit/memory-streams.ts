import type {
  ByteStream,
  ByteStreamHandlers,
  Listener,
  StreamHint,
  StreamNetwork,
  Turn,
} from "@millrace/core";

/** Byte streams in memory that deliver in later turns. */
export class MemoryStreams implements StreamNetwork {
  readonly #turn: Turn;
  readonly #listeners = new Map<string, (stream: ByteStream) => void>();
  #count = 0;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  listenStreams(_hint: StreamHint, onStream: (stream: ByteStream) => void): Promise<Listener> {
    this.#count += 1;
    const address = `streams:${this.#count}`;
    this.#listeners.set(address, onStream);
    return Promise.resolve({ address, [Symbol.asyncDispose]: () => Promise.resolve() });
  }

  openStream(address: string): ByteStream {
    const opened = new MemoryStream(this.#turn);
    const accepted = new MemoryStream(this.#turn);
    opened.other = accepted;
    accepted.other = opened;
    this.#turn.post(() => this.#listeners.get(address)?.(accepted));
    return opened;
  }
}

class MemoryStream implements ByteStream {
  readonly peer = "memory";
  readonly #turn: Turn;
  #handlers: ByteStreamHandlers | undefined;
  #held: Uint8Array[] = [];
  other: MemoryStream | undefined;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  setHandlers(handlers: ByteStreamHandlers): void {
    this.#handlers = handlers;
    for (const chunk of this.#held.splice(0)) handlers.onData(chunk);
  }

  write(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      const copy = chunk.slice();
      this.#turn.post(() => this.other?.arrive(copy));
    }
  }

  bufferedBytes(): number {
    return 0;
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    this.#turn.post(() => this.other?.close());
  }

  arrive(chunk: Uint8Array): void {
    if (this.#handlers === undefined) this.#held.push(chunk);
    else this.#handlers.onData(chunk);
  }

  close(): void {
    this.#handlers?.onClose(undefined);
  }
}
