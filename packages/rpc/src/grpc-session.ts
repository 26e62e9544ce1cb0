import { StreamError, type MessageSession, type MessageSessionHandlers } from "@millrace/core";

import { maxMessageBytes } from "./channel-options.ts";

/** Either end of a bidirectional gRPC stream, as far as both have it. */
export interface GrpcStream {
  on(event: "data", listener: (message: Uint8Array) => void): unknown;
  on(event: "end" | "close" | "cancelled", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  write(message: Uint8Array, onWritten: () => void): boolean;
}

/** How this end of a stream ends it. */
export interface SessionEnd {
  /** Says that no more follows; what was sent still goes out. */
  finish(): void;
  abort(cause: Error): void;
  /** Returns what the stream's error means; a promise if that takes a look at the other end. */
  explain(error: Error): Error | Promise<Error>;
}

/**
 * A control session over a gRPC stream.
 *
 * I1 No exception leaves a listener: one in a `data` handler of grpc-js would end the process. A
 *    session whose handler throws is broken.
 * I2 `onClose` is called at most once, nothing after it, and never after an own `close`.
 * I3 Every stream has an `error` listener for as long as it lives.
 */
export class GrpcMessageSession implements MessageSession {
  readonly peer: string;
  readonly #stream: GrpcStream;
  readonly #end: SessionEnd;
  #handlers: MessageSessionHandlers | undefined;
  #held: Uint8Array[] = [];
  #closed: { readonly cause: Error | undefined } | undefined;
  #isTold = false;
  #bufferedBytes = 0;
  #isExplaining = false;

  constructor(peer: string, stream: GrpcStream, end: SessionEnd) {
    this.peer = peer;
    this.#stream = stream;
    this.#end = end;
    stream.on("data", (message) => this.#receive(message));
    stream.on("error", (error) => this.#onError(error));
    stream.on("cancelled", () => this.break(cut(peer)));
    // A peer that died ends the stream as well, and only then is it known as cancelled (F1).
    const endUnlessExplaining = (): void => {
      if (!this.#isExplaining) this.break(undefined);
    };
    const endSoon = (): void => void setImmediate(() => setImmediate(endUnlessExplaining));
    stream.on("end", endSoon);
    stream.on("close", endSoon);
  }

  setHandlers(handlers: MessageSessionHandlers): void {
    this.#handlers = handlers;
    for (const message of this.#held.splice(0)) this.#deliver(message, handlers);
    this.#tell();
  }

  send(message: Uint8Array): void {
    if (this.#closed !== undefined) return;
    if (message.length > maxMessageBytes) {
      this.break(tooLarge(this.peer, message.length));
      return;
    }
    this.#bufferedBytes += message.length;
    this.#stream.write(message, () => {
      this.#bufferedBytes -= message.length;
    });
  }

  bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  close(): void {
    if (this.#closed !== undefined) return;
    this.#closed = { cause: undefined };
    this.#isTold = true;
    this.#end.finish();
  }

  /** The session is over, with or without a cause; frees what it holds. */
  break(cause: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = { cause };
    if (cause === undefined) this.#end.finish();
    else this.#end.abort(cause);
    this.#tell();
  }

  #onError(error: Error): void {
    const explained = this.#end.explain(error);
    if (!(explained instanceof Promise)) {
      this.break(explained);
      return;
    }
    this.#isExplaining = true;
    explained.then(
      (cause) => this.break(cause),
      (cause: unknown) => this.break(cause instanceof Error ? cause : error),
    );
  }

  #receive(message: Uint8Array): void {
    if (this.#closed !== undefined) return;
    if (message.length > maxMessageBytes) this.break(tooLarge(this.peer, message.length));
    else if (this.#handlers === undefined) this.#held.push(message);
    else this.#deliver(message, this.#handlers);
  }

  #deliver(message: Uint8Array, handlers: MessageSessionHandlers): void {
    try {
      if (!this.#isTold) handlers.onMessage(message);
    } catch (caught) {
      this.break(caught instanceof Error ? caught : new Error(String(caught)));
    }
  }

  #tell(): void {
    if (this.#isTold || this.#closed === undefined || this.#handlers === undefined) return;
    this.#isTold = true;
    this.#handlers.onClose(this.#closed.cause);
  }
}

function cut(peer: string): StreamError {
  return new StreamError("unavailable", `the session with ${peer} was cut off`, {
    domain: "external",
    retry: "backoff",
  });
}

function tooLarge(peer: string, sizeBytes: number): StreamError {
  return new StreamError(
    "invalid-argument",
    `a message of ${sizeBytes} bytes in the session with ${peer} is over ${maxMessageBytes} bytes`,
    { domain: "internal", retry: "never" },
  );
}
