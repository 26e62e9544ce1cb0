import type { MessageSession, MessageSessionHandlers } from "@millrace/core";

/** Either end of a bidirectional gRPC stream, as far as both have it. */
export interface GrpcStream {
  on(event: "data", listener: (message: Uint8Array) => void): unknown;
  on(event: "end" | "close" | "drain", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "cancelled", listener: () => void): unknown;
  write(message: Uint8Array): boolean;
  readonly writableLength: number;
}

/**
 * A control session over a gRPC stream.
 *
 * I1 No exception leaves a listener: one in a `data` handler of grpc-js would end the process.
 * I2 `onClose` is called at most once, and nothing after it.
 */
export class GrpcMessageSession implements MessageSession {
  readonly peer: string;
  readonly #stream: GrpcStream;
  readonly #end: () => void;
  #handlers: MessageSessionHandlers | undefined;
  #held: Uint8Array[] = [];
  #closed: { readonly cause: Error | undefined } | undefined;
  #isTold = false;

  constructor(peer: string, stream: GrpcStream, end: () => void) {
    this.peer = peer;
    this.#stream = stream;
    this.#end = end;
    stream.on("data", (message) => this.#receive(message));
    stream.on("error", (error) => this.break(error));
    stream.on("cancelled", () => this.break(new Error(`session with ${peer} was cancelled`)));
    stream.on("end", () => this.break(undefined));
    stream.on("close", () => this.break(undefined));
  }

  setHandlers(handlers: MessageSessionHandlers): void {
    this.#handlers = handlers;
    for (const message of this.#held.splice(0)) handlers.onMessage(message);
    this.#tell();
  }

  send(message: Uint8Array): void {
    if (this.#closed === undefined) this.#stream.write(message);
  }

  bufferedBytes(): number {
    return this.#stream.writableLength;
  }

  close(): void {
    if (this.#closed !== undefined) return;
    this.#closed = { cause: undefined };
    this.#isTold = true;
    this.#end();
  }

  /** The session is over, with or without a cause; frees what it holds. */
  break(cause: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = { cause };
    this.#end();
    this.#tell();
  }

  #receive(message: Uint8Array): void {
    if (this.#closed !== undefined) return;
    if (this.#handlers === undefined) this.#held.push(message);
    else this.#handlers.onMessage(message);
  }

  #tell(): void {
    if (this.#isTold || this.#closed === undefined || this.#handlers === undefined) return;
    this.#isTold = true;
    this.#handlers.onClose(this.#closed.cause);
  }
}
