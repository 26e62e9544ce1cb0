import {
  StreamError,
  type CallRequest,
  type ControlNetwork,
  type ControlService,
  type Listener,
  type MessageSession,
  type MessageSessionHandlers,
} from "@millrace/core";

/** Control sessions and calls within one test; messages arrive in a later microtask, in order. */
export class MemoryNetwork implements ControlNetwork {
  readonly #services = new Map<string, ControlService>();

  serve(address: string, service: ControlService): Promise<Listener> {
    if (this.#services.has(address)) {
      const error = new StreamError("port-in-use", `${address} is in use`, {
        domain: "user",
        retry: "never",
      });
      return Promise.reject(error);
    }
    this.#services.set(address, service);
    const dispose = (): Promise<void> => {
      this.#services.delete(address);
      return Promise.resolve();
    };
    return Promise.resolve({ address, [Symbol.asyncDispose]: dispose });
  }

  openSession(address: string): MemorySession {
    const near = new MemorySession(address);
    const far = new MemorySession("worker");
    near.connect(far);
    far.connect(near);
    const service = this.#services.get(address);
    if (service === undefined) near.break(new Error(`nobody serves ${address}`));
    else service.onSession(far);
    return near;
  }

  async call(address: string, request: CallRequest): Promise<Uint8Array> {
    const service = this.#services.get(address);
    if (service === undefined) throw new Error(`nobody serves ${address}`);
    return service.onCall(request.method, request.message);
  }
}

export class MemorySession implements MessageSession {
  readonly peer: string;
  #other: MemorySession | undefined;
  #handlers: MessageSessionHandlers | undefined;
  #held: ((handlers: MessageSessionHandlers) => void)[] = [];
  #isOver = false;

  constructor(peer: string) {
    this.peer = peer;
  }

  connect(other: MemorySession): void {
    this.#other = other;
  }

  setHandlers(handlers: MessageSessionHandlers): void {
    this.#handlers = handlers;
    const held = this.#held;
    this.#held = [];
    for (const deliver of held) deliver(handlers);
  }

  send(message: Uint8Array): void {
    if (this.#isOver) return;
    this.#other?.deliver((handlers) => handlers.onMessage(message));
  }

  bufferedBytes(): number {
    return 0;
  }

  close(): void {
    this.break(undefined);
  }

  /** Ends both directions; the other end is told. */
  break(cause: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#other?.deliver((handlers) => {
      handlers.onClose(cause);
    });
  }

  deliver(event: (handlers: MessageSessionHandlers) => void): void {
    queueMicrotask(() => {
      if (this.#isOver) return;
      if (this.#handlers === undefined) this.#held.push(event);
      else event(this.#handlers);
    });
  }
}
