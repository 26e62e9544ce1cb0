import { pairKey, type LinkConditions } from "./link-faults.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { SimPipe } from "./sim-pipe.ts";
import type { SimProcess } from "./sim-process.ts";

/** What an end tells its owner; the same three for sessions and byte streams. */
export interface EndHandlers {
  onData(payload: Uint8Array): void;
  onDrain(): void;
  /** No cause: the peer ended cleanly. */
  onClose(cause: Error | undefined): void;
}

type Item =
  | { readonly kind: "data"; readonly payload: Uint8Array }
  | { readonly kind: "end" }
  | { readonly kind: "reset"; readonly reason: string };

/**
 * One end of a connection between two simulated processes.
 *
 * I1 Data arrives in order, without loss, until the connection ends or breaks; then nothing.
 * I2 A killed process breaks its connections; what it had sent may still arrive before that.
 */
export class SimConnectionEnd {
  readonly process: SimProcess;
  #peer: SimConnectionEnd | undefined;
  #pipe: SimPipe | undefined;
  #handlers: EndHandlers | undefined;
  #backlog: Item[] = [];
  #isClosed = false;
  #bufferedBytes = 0;
  readonly #onBuffered: (bytes: number) => void;

  /** `onBuffered` is told how many bytes are under way after each send. */
  constructor(process: SimProcess, onBuffered: (bytes: number) => void = () => {}) {
    this.process = process;
    this.#onBuffered = onBuffered;
  }

  attach(peer: SimConnectionEnd, pipe: SimPipe): void {
    this.#peer = peer;
    this.#pipe = pipe;
  }

  get peerName(): string {
    return this.#peer?.process.name ?? "nobody";
  }

  setHandlers(handlers: EndHandlers): void {
    this.#handlers = handlers;
    for (const item of this.#backlog.splice(0)) this.#dispatch(item);
  }

  send(payload: Uint8Array): void {
    if (this.#isClosed) return;
    this.#bufferedBytes += payload.length;
    this.#onBuffered(this.#bufferedBytes);
    this.#pipe?.send({ kind: "data", payload } satisfies Item);
  }

  bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Ends cleanly: the peer learns it after all that was sent. */
  end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pipe?.send({ kind: "end" } satisfies Item);
  }

  /** The peer sees a reset after what is already under way. */
  reset(reason: string): void {
    this.#isClosed = true;
    this.#pipe?.sendLast({ kind: "reset", reason } satisfies Item);
  }

  /** Something outside broke the connection: tells the owner. */
  break(cause: Error): void {
    if (this.#isClosed) return;
    this.process.post(0, "broken", () => this.#arrive({ kind: "reset", reason: cause.message }));
  }

  onArrival(item: unknown): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only ends put items in pipes
    this.#arrive(item as Item);
  }

  #arrive(item: Item): void {
    if (item.kind === "data") this.#peer?.noteDelivered(item.payload.length);
    if (this.#isClosed && item.kind === "data") return;
    if (this.#handlers === undefined) this.#backlog.push(item);
    else this.#dispatch(item);
  }

  noteDelivered(sizeBytes: number): void {
    this.#bufferedBytes -= sizeBytes;
    if (this.#bufferedBytes > 0) return;
    this.process.post(0, "drain", () => {
      if (!this.#isClosed && this.#bufferedBytes === 0) this.#handlers?.onDrain();
    });
  }

  #dispatch(item: Item): void {
    if (item.kind === "data") {
      this.#handlers?.onData(item.payload);
      return;
    }
    if (this.#isClosed && item.kind === "reset") return;
    this.#isClosed = true;
    this.#handlers?.onClose(item.kind === "end" ? undefined : new Error(item.reason));
  }
}

/** Returns both ends of a new connection; it breaks when a process dies or the link is cut. */
export function connectEnds(options: {
  readonly conditions: LinkConditions;
  readonly random: SeededRandom;
  readonly opener: SimProcess;
  readonly acceptor: SimProcess;
  readonly onBuffered: (bytes: number) => void;
}): { readonly opened: SimConnectionEnd; readonly accepted: SimConnectionEnd } {
  const { conditions, random } = options;
  const opened = new SimConnectionEnd(options.opener, options.onBuffered);
  const accepted = new SimConnectionEnd(options.acceptor, options.onBuffered);
  const there = new SimPipe({
    conditions,
    random,
    from: asPipeEnd(opened),
    to: asPipeEnd(accepted),
  });
  const back = new SimPipe({
    conditions,
    random,
    from: asPipeEnd(accepted),
    to: asPipeEnd(opened),
  });
  opened.attach(accepted, there);
  accepted.attach(opened, back);
  const pair = pairKey(options.opener.name, options.acceptor.name);
  options.opener.onKill(() => opened.reset(`connection reset by ${options.opener.name} (${pair})`));
  options.acceptor.onKill(() =>
    accepted.reset(`connection reset by ${options.acceptor.name} (${pair})`),
  );
  return { opened, accepted };
}

function asPipeEnd(end: SimConnectionEnd): ConstructorParameters<typeof SimPipe>[0]["from"] {
  return {
    process: end.process,
    onArrival: (item) => end.onArrival(item),
    onBroken: (cause) => end.break(cause),
  };
}
