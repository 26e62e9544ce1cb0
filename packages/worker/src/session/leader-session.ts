import {
  assert,
  backoffMs,
  fromFailureData,
  StreamError,
  type Clock,
  type ControlNetwork,
  type LeaderEpoch,
  type Logger,
  type MessageSession,
  type Random,
} from "@millrace/core";
import {
  decodeCoordinatorMessage,
  encodeWorkerMessage,
  type CoordinatorMessage,
  type WorkerMessage,
} from "@millrace/rpc";

import type { WorkerConfig } from "../worker-config.ts";
import type { WorkerCounters } from "../worker-counters.ts";

/** A certificate that is refused is refused at every try: it is said so often and no more. */
const refusalLogMs = 30_000;

export type Welcome = Extract<CoordinatorMessage, { kind: "welcome" }>;
export type AttemptMessage = Exclude<CoordinatorMessage, { kind: "welcome" | "refused" }>;

interface LeaderSessionHandlers {
  /** Returns the registration as of now; called for every new session. */
  register(): WorkerMessage;
  heartbeat(): WorkerMessage;
  /** The coordinator has taken the worker in; messages can be sent. */
  onWelcome(welcome: Welcome): void;
  onMessage(message: AttemptMessage): void;
  /** No session any more; the next one is being looked for. */
  onLost(cause: Error): void;
  /** Nothing more will be tried: `version-skew`, `stale`, or `coordinator-unreachable`. */
  onStopped(error: StreamError): void;
}

export interface LeaderSessionOptions {
  readonly network: ControlNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: WorkerConfig;
  readonly counters: WorkerCounters;
  readonly handlers: LeaderSessionHandlers;
}

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "waiting"; readonly timer: Disposable }
  | { readonly kind: "registering"; readonly session: MessageSession; readonly timer: Disposable }
  | {
      readonly kind: "connected";
      readonly session: MessageSession;
      readonly welcome: Welcome;
      heartbeat: Disposable;
      lastHeardMs: number;
      /** The coordinator answers heartbeats, so that its silence means something. */
      isAnswering: boolean;
    }
  | { readonly kind: "closed" };

/**
 * The worker's one session with the leading coordinator: finds it, registers, sends heartbeats, and
 * begins again when it breaks. It knows nothing of jobs.
 *
 * | from        | event                               | to          |
 * |-------------|-------------------------------------|-------------|
 * | idle        | start                               | registering |
 * | waiting     | the wait is over                    | registering |
 * | registering | welcome                             | connected   |
 * | registering | closed, refused, no answer, stale   | waiting     |
 * | connected   | closed, refused, silence            | waiting     |
 * | any         | close, skew, orphan timeout         | closed      |
 *
 * I1 At most one session is open; what an older one still says is not heard.
 * I2 A leader epoch lower than one seen before is a deposed coordinator: its session ends (S2).
 * I3 A worker that has had no leader for `orphanTimeoutMs` stops.
 */
export class LeaderSession {
  readonly #options: LeaderSessionOptions;
  #state: State = { kind: "idle" };
  #failedTries = 0;
  #nextAddress = 0;
  #highestEpoch: LeaderEpoch | undefined;
  #orphanTimer: Disposable | undefined;
  #refusal: { readonly cause: StreamError; readonly toldAtMs: number } | undefined;

  constructor(options: LeaderSessionOptions) {
    assert(options.config.coordinatorAddresses.length > 0, "a worker knows a coordinator");
    this.#options = options;
  }

  start(): void {
    if (this.#state.kind !== "idle") return;
    this.#startOrphanTimer();
    this.#open();
  }

  isConnected(): boolean {
    return this.#state.kind === "connected";
  }

  /** Sends if the worker is registered; returns whether it was. */
  send(message: WorkerMessage): boolean {
    if (this.#state.kind !== "connected") return false;
    this.#state.session.send(encodeWorkerMessage(message));
    return true;
  }

  close(): void {
    this.#leaveState();
    this.#state = { kind: "closed" };
    this.#orphanTimer?.[Symbol.dispose]();
  }

  #open(): void {
    const { network, clock, config, handlers, counters } = this.#options;
    const addresses = config.coordinatorAddresses;
    const address = addresses[this.#nextAddress % addresses.length] ?? "";
    this.#nextAddress += 1;
    const session = network.openSession(address);
    counters.sessionsOpened += 1;
    const timer = clock.schedule(config.registerTimeoutMs, () => {
      this.#lose(session, unreachable(`${address} did not answer the registration`));
    });
    this.#state = { kind: "registering", session, timer };
    session.setHandlers({
      onMessage: (bytes) => this.#onBytes(session, bytes),
      onClose: (cause) => {
        this.#lose(session, cause ?? unreachable(`${address} ended the session`));
      },
    });
    if (this.#isCurrent(session)) session.send(encodeWorkerMessage(handlers.register()));
  }

  #onBytes(session: MessageSession, bytes: Uint8Array): void {
    if (!this.#isCurrent(session)) return;
    let message: CoordinatorMessage;
    try {
      message = decodeCoordinatorMessage(bytes);
    } catch (caught) {
      this.#lose(session, caught instanceof Error ? caught : new Error(String(caught)));
      return;
    }
    this.#onMessage(session, message);
  }

  #onMessage(session: MessageSession, message: CoordinatorMessage): void {
    if (this.#state.kind === "connected") this.#state.lastHeardMs = this.#nowMs();
    if (message.kind === "welcome") this.#onWelcome(session, message);
    else if (message.kind === "refused") this.#onRefused(session, fromFailureData(message.failure));
    else if (this.#state.kind === "connected") this.#options.handlers.onMessage(message);
  }

  #onWelcome(session: MessageSession, welcome: Welcome): void {
    if (this.#highestEpoch !== undefined && welcome.leaderEpoch < this.#highestEpoch) {
      this.#options.counters.messagesStale += 1;
      const epochs = `${welcome.leaderEpoch} after ${this.#highestEpoch}`;
      this.#lose(session, unreachable(`${session.peer} has a stale leader epoch: ${epochs}`));
      return;
    }
    if (this.#state.kind === "connected") {
      this.#state.isAnswering = true;
      return;
    }
    if (this.#state.kind !== "registering") return;
    this.#highestEpoch = welcome.leaderEpoch;
    this.#failedTries = 0;
    this.#refusal = undefined;
    this.#state.timer[Symbol.dispose]();
    this.#orphanTimer?.[Symbol.dispose]();
    this.#orphanTimer = undefined;
    this.#state = {
      kind: "connected",
      session,
      welcome,
      heartbeat: this.#scheduleHeartbeat(session, welcome),
      lastHeardMs: this.#nowMs(),
      isAnswering: false,
    };
    const { logger, handlers } = this.#options;
    logger.log("info", "registered", { leader: session.peer, leaderEpoch: welcome.leaderEpoch });
    handlers.onWelcome(welcome);
  }

  #onRefused(session: MessageSession, error: StreamError): void {
    if (StreamError.is(error, "version-skew", "stale")) this.#stop(error);
    else this.#lose(session, error);
  }

  #scheduleHeartbeat(session: MessageSession, welcome: Welcome): Disposable {
    return this.#options.clock.schedule(welcome.heartbeatIntervalMs, () => {
      const state = this.#state;
      if (state.kind !== "connected" || !this.#isCurrent(session)) return;
      const silentMs = this.#nowMs() - state.lastHeardMs;
      if (state.isAnswering && silentMs >= welcome.heartbeatTimeoutMs) {
        this.#lose(session, unreachable(`${session.peer} was silent for ${silentMs} ms`));
        return;
      }
      session.send(encodeWorkerMessage(this.#options.handlers.heartbeat()));
      state.heartbeat = this.#scheduleHeartbeat(session, welcome);
    });
  }

  #lose(session: MessageSession, cause: Error): void {
    if (!this.#isCurrent(session)) return;
    const wasConnected = this.#state.kind === "connected";
    this.#leaveState();
    this.#failedTries += 1;
    const { clock, random, config, logger, handlers } = this.#options;
    const delayMs = backoffMs(config.reconnect, this.#failedTries, random);
    this.#state = { kind: "waiting", timer: clock.schedule(delayMs, () => this.#open()) };
    this.#startOrphanTimer();
    const level = wasConnected || this.#isNewRefusal(cause) ? "warn" : "debug";
    logger.log(level, "no session with a leader", { cause: cause.message, retryMs: delayMs });
    if (wasConnected) handlers.onLost(cause);
  }

  /** Whether certificates keep the two apart, and nobody was told so for a while. */
  #isNewRefusal(cause: Error): boolean {
    if (!StreamError.is(cause, "tls-failed", "unauthenticated")) return false;
    const nowMs = this.#nowMs();
    const isNew = nowMs - (this.#refusal?.toldAtMs ?? -Infinity) >= refusalLogMs;
    this.#refusal = { cause, toldAtMs: isNew ? nowMs : (this.#refusal?.toldAtMs ?? nowMs) };
    return isNew;
  }

  #startOrphanTimer(): void {
    const { clock, config } = this.#options;
    this.#orphanTimer ??= clock.schedule(config.orphanTimeoutMs, () => {
      const addresses = config.coordinatorAddresses.join(", ");
      const last = this.#refusal === undefined ? "" : `; at last ${this.#refusal.cause.message}`;
      const forMs = config.orphanTimeoutMs;
      this.#stop(unreachable(`no coordinator at ${addresses} has led for ${forMs} ms${last}`));
    });
  }

  #stop(error: StreamError): void {
    if (this.#state.kind === "closed") return;
    this.close();
    this.#options.handlers.onStopped(error);
  }

  #leaveState(): void {
    switch (this.#state.kind) {
      case "waiting":
        this.#state.timer[Symbol.dispose]();
        return;
      case "registering":
        this.#state.timer[Symbol.dispose]();
        this.#state.session.close();
        return;
      case "connected":
        this.#state.heartbeat[Symbol.dispose]();
        this.#state.session.close();
        return;
      case "idle":
      case "closed":
    }
  }

  #isCurrent(session: MessageSession): boolean {
    const state = this.#state;
    const isOpen = state.kind === "registering" || state.kind === "connected";
    return isOpen && state.session === session;
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

function unreachable(message: string): StreamError {
  return new StreamError("coordinator-unreachable", message, {
    domain: "external",
    retry: "backoff",
  });
}
