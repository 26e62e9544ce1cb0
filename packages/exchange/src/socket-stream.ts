import { BlockList, type Socket } from "node:net";
import { TLSSocket } from "node:tls";

import type { ByteStream, ByteStreamHandlers } from "@millrace/core";

const keepAliveMs = 5_000;
const noBytes = new Uint8Array(0);
const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/**
 * A socket as a byte stream; what happens before the handlers are set is held by the socket.
 *
 * I1 Of what is written before `release`, nothing leaves: the other end's certificate is not judged yet.
 */
export class SocketStream implements ByteStream {
  readonly #socket: Socket;
  #cause: Error | undefined;
  #isOver = false;
  /** Absent: the other end is who it should be. */
  #held: Uint8Array[] | undefined;
  #isEnding = false;

  constructor(socket: Socket, { isHeld = false }: { readonly isHeld?: boolean } = {}) {
    this.#socket = socket;
    if (isHeld) this.#held = [];
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    socket.on("error", (error) => {
      this.#cause ??= error;
    });
  }

  /** Lets what was written leave. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    if (held.length > 0) this.write(held);
    if (this.#isEnding) this.end();
  }

  /** Ends the stream with the cause: the other end is not who it should be. */
  break(cause: Error): void {
    this.#cause = cause;
    this.#held = [];
    this.#socket.destroy();
  }

  get peer(): string {
    const { remoteAddress, remotePort } = this.#socket;
    return remoteAddress === undefined ? "unix socket" : `${remoteAddress}:${remotePort}`;
  }

  get guardsBytes(): boolean {
    const { remoteAddress, remoteFamily } = this.#socket;
    if (remoteAddress === undefined || this.#socket instanceof TLSSocket) return true;
    return loopback.check(remoteAddress, remoteFamily === "IPv6" ? "ipv6" : "ipv4");
  }

  setHandlers(handlers: ByteStreamHandlers): void {
    const socket = this.#socket;
    const close = (): void => {
      if (this.#isOver) return;
      this.#isOver = true;
      handlers.onClose(this.#cause);
    };
    socket.on("data", (chunk) => {
      if (!this.#isOver) handlers.onData(toBytes(chunk));
    });
    socket.on("drain", () => {
      if (!this.#isOver) handlers.onDrain();
    });
    socket.on("end", close);
    socket.on("close", close);
    // An error before the handlers were set.
    if (socket.destroyed) queueMicrotask(close);
  }

  write(chunks: readonly Uint8Array[], onTaken?: () => void): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    if (this.#held !== undefined) {
      this.#held.push(...chunks);
      return;
    }
    socket.cork();
    const last = chunks.length - 1;
    for (let index = 0; index < last; index += 1) socket.write(chunks[index] ?? noBytes);
    // Writes are taken in their order: the last one speaks for all.
    socket.write(chunks[last] ?? noBytes, (error) => {
      if (!error) onTaken?.();
    });
    socket.uncork();
  }

  bufferedBytes(): number {
    const heldBytes = (this.#held ?? []).reduce((sum, chunk) => sum + chunk.length, 0);
    return heldBytes + this.#socket.writableLength;
  }

  end(): void {
    if (this.#held === undefined) this.#socket.end();
    else this.#isEnding = true;
  }

  destroy(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }
}

function toBytes(chunk: string | Buffer): Uint8Array {
  return typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}
