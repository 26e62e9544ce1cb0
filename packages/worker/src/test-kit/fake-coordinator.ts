import {
  parseLeaderEpoch,
  type ControlNetwork,
  type MessageSession,
  type MessageSessionHandlers,
} from "@millrace/core";
import {
  decodeWorkerMessage,
  encodeCoordinatorMessage,
  type CoordinatorMessage,
  type WorkerMessage,
} from "@millrace/rpc";

/** A session as the coordinator's end sees it. */
export class FakeSession implements MessageSession {
  readonly peer: string;
  readonly received: WorkerMessage[] = [];
  isClosed = false;
  #handlers: MessageSessionHandlers | undefined;

  constructor(address: string) {
    this.peer = address;
  }

  setHandlers(handlers: MessageSessionHandlers): void {
    this.#handlers = handlers;
  }

  send(message: Uint8Array): void {
    if (!this.isClosed) this.received.push(decodeWorkerMessage(message));
  }

  bufferedBytes(): number {
    return 0;
  }

  close(): void {
    this.isClosed = true;
  }

  deliver(message: CoordinatorMessage): void {
    this.deliverBytes(encodeCoordinatorMessage(message));
  }

  deliverBytes(bytes: Uint8Array): void {
    this.#handlers?.onMessage(bytes);
  }

  break(cause?: Error): void {
    this.#handlers?.onClose(cause);
  }

  welcome(leaderEpoch = 7n): void {
    this.deliver({
      kind: "welcome",
      leaderEpoch: parseLeaderEpoch(leaderEpoch),
      clusterId: "c1",
      heartbeatIntervalMs: 1_000,
      heartbeatTimeoutMs: 5_000,
    });
  }

  ofKind<Kind extends WorkerMessage["kind"]>(
    kind: Kind,
  ): readonly Extract<WorkerMessage, { kind: Kind }>[] {
    return this.received.filter(
      (message): message is Extract<WorkerMessage, { kind: Kind }> => message.kind === kind,
    );
  }
}

/** A network whose other end the test plays. */
export class FakeNetwork implements ControlNetwork {
  readonly sessions: FakeSession[] = [];

  openSession(address: string): FakeSession {
    const session = new FakeSession(address);
    this.sessions.push(session);
    return session;
  }

  /** The newest. */
  session(): FakeSession {
    const session = this.sessions.at(-1);
    if (session === undefined) throw new Error("the worker has opened no session");
    return session;
  }

  serve(): Promise<never> {
    throw new Error("a worker serves nothing");
  }

  call(): Promise<never> {
    throw new Error("a worker makes no calls");
  }
}
