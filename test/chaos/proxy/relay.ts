import type { Socket } from "node:net";

import type { Link } from "./tcp-proxy.ts";

/** Bytes that wait for their time in one direction; the sender waits beyond that. */
const maxHeldBytes = 1024 * 1024;

/** One direction of a connection. */
export interface Relay {
  setLink(link: Exclude<Link, { kind: "cut" }>): void;
  /** Forgets what is held; the sockets are the caller's. */
  close(): void;
}

interface Held {
  /** Absent: the end of the stream. */
  readonly bytes: Uint8Array | undefined;
  readonly dueMs: number;
}

/** Returns a relay that hands what `from` says to `to`, its end included. */
export function createRelay(from: Socket, to: Socket): Relay {
  return new SocketRelay(from, to);
}

class SocketRelay implements Relay {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #held: Held[] = [];
  #heldBytes = 0;
  #link: Exclude<Link, { kind: "cut" }> = { kind: "open" };
  /** When the link has carried all that was given to it so far. */
  #carriedMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isFull = false;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on("data", (bytes: Uint8Array) => this.#hold(bytes));
    from.on("end", () => this.#hold(undefined));
    to.on("drain", () => {
      this.#isFull = false;
      this.#pump();
    });
  }

  setLink(link: Exclude<Link, { kind: "cut" }>): void {
    this.#link = link;
    this.#pump();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#held.length = 0;
  }

  #hold(bytes: Uint8Array | undefined): void {
    const length = bytes?.length ?? 0;
    this.#held.push({ bytes, dueMs: this.#dueMs(length) });
    this.#heldBytes += length;
    this.#pump();
  }

  #dueMs(length: number): number {
    const nowMs = performance.now();
    if (this.#link.kind !== "slow") return nowMs;
    const { latencyMs = 0, bytesPerSecond = Infinity } = this.#link;
    this.#carriedMs = Math.max(nowMs, this.#carriedMs) + (length / bytesPerSecond) * 1_000;
    return this.#carriedMs + latencyMs;
  }

  #pump(): void {
    clearTimeout(this.#timer);
    if (this.#link.kind === "black-hole") {
      this.#from.pause();
      return;
    }
    const nowMs = performance.now();
    while (!this.#isFull) {
      const [next] = this.#held;
      if (next === undefined) break;
      if (this.#link.kind === "slow" && next.dueMs > nowMs) {
        this.#timer = setTimeout(() => this.#pump(), next.dueMs - nowMs);
        break;
      }
      this.#held.shift();
      this.#send(next.bytes);
    }
    if (this.#isFull || this.#heldBytes > maxHeldBytes) this.#from.pause();
    else this.#from.resume();
  }

  #send(bytes: Uint8Array | undefined): void {
    if (this.#to.destroyed) return;
    if (bytes === undefined) {
      this.#to.end();
      return;
    }
    this.#heldBytes -= bytes.length;
    this.#isFull = !this.#to.write(bytes);
  }
}
