/**
 * The workers that are registered, their sessions and their slots.
 *
 * I1 A worker id has one session; a new incarnation, or the same one coming back, replaces it, and
 *    what ran there is lost to its job.
 * I2 A session says nothing before it has registered, and only one of this protocol version may.
 * I3 A broken session counts as a dead worker at once (F1).
 */
import {
  StreamError,
  toFailureData,
  type Clock,
  type JobId,
  type Logger,
  type MessageSession,
  type WorkerId,
} from "@millrace/core";
import type { FreeSlot, Placement } from "@millrace/graph";
import {
  decodeWorkerMessage,
  encodeCoordinatorMessage,
  type ClusterDescription,
  type CoordinatorMessage,
  type SubtaskMetrics,
  type WorkerMessage,
} from "@millrace/rpc";

import { checkProtocol, refused } from "./admission.ts";
import type { FailureDetector } from "./failure-detector.ts";
import { WorkerSlots } from "./slots.ts";

export type Registration = Extract<WorkerMessage, { kind: "register" }>;
export type AttemptMessage = Exclude<
  WorkerMessage,
  { kind: "register" | "slot-ready" | "heartbeat" | "draining" }
>;

interface RegistryHandlers {
  onWorkerLost(workerId: WorkerId, reason: string): void;
  /** It takes nothing new, and ends when nothing runs there any more. */
  onWorkerDraining(workerId: WorkerId): void;
  onSlotLost(jobId: JobId, workerId: WorkerId, slotIndex: number): void;
  /** Slots became free. */
  onSlotsChanged(): void;
  onMessage(workerId: WorkerId, message: AttemptMessage): void;
  onMetrics(jobId: JobId, subtasks: readonly SubtaskMetrics[]): void;
}

export interface RegistryOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A session that has not registered by then ends. */
  readonly registerTimeoutMs: number;
  readonly handlers: RegistryHandlers;
  readonly detector: Pick<FailureDetector, "heard" | "forget">;
  readonly welcome: Extract<CoordinatorMessage, { kind: "welcome" }>;
  /** Of this coordinator, for the message to a worker of another one. */
  readonly version: string;
}

interface RegisteredWorker {
  readonly registration: Registration;
  readonly session: MessageSession;
  readonly slots: WorkerSlots;
}

export class WorkerRegistry {
  readonly #options: RegistryOptions;
  readonly #workers = new Map<WorkerId, RegisteredWorker>();
  /** Sessions that have not registered, and the timers that end them. */
  readonly #strangers = new Map<MessageSession, Disposable>();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Takes a session in that has not said who it is. */
  accept(session: MessageSession): void {
    const timer = this.#options.clock.schedule(this.#options.registerTimeoutMs, () => {
      this.#refuse(session, refused("deadline-exceeded", "no registration came"));
    });
    this.#strangers.set(session, timer);
    let workerId: WorkerId | undefined;
    session.setHandlers({
      onMessage: (bytes) => {
        const message = this.#decode(session, bytes);
        if (message?.kind === "register") {
          workerId = this.#register(session, message);
        } else if (workerId !== undefined) {
          if (message === undefined) this.#lose(workerId, session, "its message cannot be read");
          else this.#onMessage(workerId, session, message);
        }
      },
      onClose: (cause) => {
        this.#forgetStranger(session);
        const reason = `its session broke${cause === undefined ? "" : `: ${cause.message}`}`;
        if (workerId !== undefined) this.#lose(workerId, session, reason);
      },
    });
  }

  send(workerId: WorkerId, message: CoordinatorMessage): void {
    this.#workers.get(workerId)?.session.send(encodeCoordinatorMessage(message));
  }

  /** Ends the session of a worker that has fallen silent. */
  drop(workerId: WorkerId, reason: string): void {
    const worker = this.#workers.get(workerId);
    if (worker === undefined) return;
    worker.session.close();
    this.#lose(workerId, worker.session, reason);
  }

  /** Returns the slots that the job may be given now. */
  freeSlots(jobId: JobId): readonly FreeSlot[] {
    return [...this.#workers].flatMap(([workerId, { slots }]) =>
      slots.freeFor(jobId).map((offer) => ({ workerId, ...offer })),
    );
  }

  hold(jobId: JobId, placements: readonly Placement[]): void {
    for (const { workerId, slotIndex } of placements) {
      this.#workers.get(workerId)?.slots.hold(slotIndex, jobId);
    }
  }

  /** The slots were told to run something: they come back only when their worker says so. */
  use(placements: readonly Placement[]): void {
    for (const { workerId, slotIndex } of placements) {
      this.#workers.get(workerId)?.slots.use(slotIndex);
    }
  }

  release(jobId: JobId): void {
    for (const { slots } of this.#workers.values()) slots.release(jobId);
    this.#options.handlers.onSlotsChanged();
  }

  describe(): ClusterDescription["workers"] {
    return [...this.#workers].map(([workerId, { registration, slots }]) => ({
      workerId,
      processId: registration.processId,
      slotCount: slots.count(),
      freeSlotCount: slots.free().length,
      version: registration.version,
    }));
  }

  close(): void {
    for (const { session } of this.#workers.values()) session.close();
    for (const [session, timer] of this.#strangers) {
      timer[Symbol.dispose]();
      session.close();
    }
    this.#workers.clear();
    this.#strangers.clear();
  }

  #decode(session: MessageSession, bytes: Uint8Array): WorkerMessage | undefined {
    try {
      return decodeWorkerMessage(bytes);
    } catch (caught) {
      this.#refuse(session, toRefusal(caught));
      return undefined;
    }
  }

  #register(session: MessageSession, registration: Registration): WorkerId | undefined {
    const { workerId, incarnation } = registration;
    const skew = checkProtocol(registration, this.#options.version);
    if (skew !== undefined) {
      this.#refuse(session, skew);
      return undefined;
    }
    this.#forgetStranger(session);
    const before = this.#workers.get(workerId);
    if (before?.session === session) return workerId; // Said twice (F9).
    if (before !== undefined) this.#replace(before, registration);
    this.#workers.set(workerId, {
      registration,
      session,
      slots: new WorkerSlots(registration.slots),
    });
    this.#options.detector.heard(workerId);
    const { processId, version, slots } = registration;
    this.#options.logger.log("info", "worker registered", {
      workerId,
      incarnation,
      processId,
      version,
      slotCount: slots.length,
      peer: session.peer,
    });
    const { welcome, handlers } = this.#options;
    this.send(workerId, welcome);
    for (const { jobId, attempt } of registration.running) {
      const ref = { jobId, attempt, leaderEpoch: welcome.leaderEpoch };
      const reason = "the job goes on in a new attempt";
      this.send(workerId, { kind: "cancel-attempt", ref, reason });
    }
    handlers.onSlotsChanged();
    return workerId;
  }

  #replace(before: RegisteredWorker, next: Registration): void {
    const { workerId, incarnation } = next;
    if (before.registration.incarnation === incarnation) {
      before.session.close();
    } else {
      this.#refuse(before.session, refused("stale", `a newer process is worker ${workerId}`));
    }
    this.#lose(workerId, before.session, "it registered anew");
  }

  #refuse(session: MessageSession, error: StreamError): void {
    this.#forgetStranger(session);
    this.#options.logger.log("warn", "session refused", {
      peer: session.peer,
      code: error.code,
      cause: error.message,
    });
    session.send(encodeCoordinatorMessage({ kind: "refused", failure: toFailureData(error) }));
    session.close();
  }

  #forgetStranger(session: MessageSession): void {
    this.#strangers.get(session)?.[Symbol.dispose]();
    this.#strangers.delete(session);
  }

  #onMessage(
    workerId: WorkerId,
    session: MessageSession,
    message: Exclude<WorkerMessage, Registration>,
  ): void {
    const worker = this.#workers.get(workerId);
    if (worker?.session !== session) return;
    const { detector, handlers, welcome, logger } = this.#options;
    detector.heard(workerId);
    if (message.kind === "slot-ready") {
      const jobId = worker.slots.offer(message.slot);
      if (jobId !== undefined) handlers.onSlotLost(jobId, workerId, message.slot.slotIndex);
      handlers.onSlotsChanged();
    } else if (message.kind === "heartbeat") {
      // The answer, so that silence of this end means something there too.
      this.send(workerId, welcome);
      for (const jobId of worker.slots.holders()) handlers.onMetrics(jobId, message.subtasks);
    } else if (message.kind === "draining") {
      logger.log("info", "worker drains", { workerId });
      worker.slots.drain();
      handlers.onWorkerDraining(workerId);
    } else {
      handlers.onMessage(workerId, message);
    }
  }

  #lose(workerId: WorkerId, session: MessageSession, reason: string): void {
    const worker = this.#workers.get(workerId);
    if (worker?.session !== session) return;
    this.#workers.delete(workerId);
    this.#options.detector.forget(workerId);
    this.#options.logger.log("warn", "worker lost", { workerId, reason });
    this.#options.handlers.onWorkerLost(workerId, reason);
  }
}

function toRefusal(caught: unknown): StreamError {
  return caught instanceof StreamError
    ? caught
    : refused("invalid-argument", "a message that cannot be read");
}
