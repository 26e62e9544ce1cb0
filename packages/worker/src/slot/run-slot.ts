import { assert, assertNever, StreamError } from "@millrace/core";
import type { Exchange } from "@millrace/exchange";

import { SourceTask } from "../task/source-task.ts";
import type { Task } from "../task/task.ts";
import { planSubtasks } from "./attempt-plan.ts";
import { createTask, type CreatedTask, type TaskEnvironment } from "./create-task.ts";
import type { Holder } from "./holder.ts";
import { loadPlan } from "./load-plan.ts";
import { restoredStateOf } from "./restored-state.ts";
import { SlotLoop } from "./slot-loop.ts";
import type { SlotCommand, SlotPreparation } from "./slot-messages.ts";
import type { SlotPorts } from "./slot-ports.ts";
import type { SlotPort } from "./task-host.ts";

/**
 * Runs one slot for one attempt: in a thread, or inline in the simulation. Returns once it listens;
 * it then lives on commands and wake-ups until its thread is terminated.
 */
export async function runSlot(port: SlotPort, ports: SlotPorts): Promise<void> {
  const exchange = await ports.openExchange();
  const slot = new Slot(port, { ports, exchange });
  port.setHandler((command) => slot.take(command));
  port.send({ kind: "listening", dataAddress: exchange.dataAddress });
}

/**
 * The slot as its commands see it.
 *
 * | phase     | command     | to                                        |
 * |-----------|-------------|-------------------------------------------|
 * | listening | prepare     | preparing                                 |
 * | preparing | (restored)  | ready                                     |
 * | ready     | start       | running                                   |
 * | running   | all others  | running                                   |
 * | any       | let-go      | over                                      |
 *
 * I1 Commands take effect in the order in which they came, each in a turn.
 * I2 No channel carries an element before `start`: every subtask of the attempt is restored then.
 * I3 A failure ends the attempt on this slot; it is reported for one subtask, once.
 * I4 Once it is to let go, nothing of the attempt runs but the close of what was opened, also where
 *    it has failed before: that needs no turn of the loop, and waits for none.
 */
class Slot {
  readonly #ports: SlotPorts;
  readonly #exchange: Exchange;
  readonly #loop: SlotLoop;
  #phase: "listening" | "preparing" | "ready" | "running" | "over" = "listening";
  /** Upstream first. */
  #tasks: readonly Task[] = [];
  readonly #port: SlotPort;
  /** Of all subtasks, those that hold something outside. */
  readonly #holders: Holder[] = [];

  constructor(
    port: SlotPort,
    { ports, exchange }: { readonly ports: SlotPorts; readonly exchange: Exchange },
  ) {
    this.#port = port;
    this.#ports = ports;
    this.#exchange = exchange;
    this.#loop = new SlotLoop(port, ports);
  }

  take(command: SlotCommand): void {
    if (command.kind === "let-go") this.#letGo();
    else this.#loop.post(() => this.#handle(command));
  }

  #letGo(): void {
    this.#phase = "over";
    this.#loop.halt();
    // Never rejects; the answer says that it is over.
    void this.#letGoAll().then(() => this.#port.send({ kind: "let-go" }));
  }

  async #letGoAll(): Promise<void> {
    const warn = ({ message, location }: StreamError): void => {
      this.#ports.logger.log("warn", "closing failed", { cause: message, ...location });
    };
    // All at once: one that takes too long keeps no other subtask from it.
    await Promise.all(this.#holders.map((holder) => holder.letGo(warn)));
  }

  #handle(command: Exclude<SlotCommand, { readonly kind: "let-go" }>): void {
    switch (command.kind) {
      case "prepare":
        return this.#prepare(command.preparation);
      case "start":
        return this.#start();
      case "assign-split":
        return this.#sourceOf(command.vertexId, command.subtaskIndex).assignSplit(command);
      case "inject-barrier":
        for (const source of this.#sources()) source.injectBarrier(command.barrier);
        return;
      case "checkpoint-completed":
        for (const task of this.#tasks) task.onCheckpointCompleted(command.checkpointId);
        return;
      case "checkpoint-aborted":
        for (const task of this.#tasks) task.onCheckpointAborted(command.checkpointId);
        return;
      case "align-sources":
        for (const source of this.#sources()) source.align(command.limits);
        return;
      case "stop-sources":
        for (const source of this.#sources()) source.stop(command.isDrain);
        return;
      default:
        return assertNever(command);
    }
  }

  #prepare(preparation: SlotPreparation): void {
    assert(this.#phase === "listening", "a slot serves one attempt");
    this.#phase = "preparing";
    const { ref, channelToken, ownSubtasks } = preparation;
    const [first] = ownSubtasks;
    assert(first !== undefined, `attempt ${ref.attempt} of job ${ref.jobId} places nothing here`);
    this.#exchange.begin({
      ref,
      channelToken,
      onWake: () => this.#loop.wake(),
      onFull: () => this.#loop.pauseTask(),
      onFailure: (error) => this.#loop.post(() => this.#loop.fail(first, error)),
    });
    this.#loop.join(this.#createTasks(preparation), {
      onValue: (created) => this.#becomeReady(created),
      onFailure: (error) => this.#loop.fail(first, error),
    });
  }

  async #createTasks(preparation: SlotPreparation): Promise<readonly CreatedTask[]> {
    const { ref, restore } = preparation;
    const job = await this.#loop.load(loadPlan(preparation, this.#ports));
    const environment: TaskEnvironment = {
      ref,
      maxParallelism: job.plan.settings.maxParallelism,
      ports: this.#ports,
      exchange: this.#exchange,
      loop: this.#loop,
      checkNotOver: () => {
        if (this.#phase === "over") throw endedError();
      },
      onCreated: (holder) => this.#onCreated(holder),
    };
    const created: CreatedTask[] = [];
    for (const subtask of planSubtasks(preparation, job)) {
      const state = restoredStateOf(restore, subtask.subtaskId);
      try {
        created.push(await createTask(environment, subtask, state));
      } catch (error) {
        this.#loop.fail(subtask.subtaskId, error);
        throw error;
      }
    }
    return created;
  }

  #onCreated(holder: Holder): void {
    if (!holder.holdsOutside()) return;
    this.#holders.push(holder);
    this.#port.send({ kind: "holds-outside" });
  }

  #becomeReady(created: readonly CreatedTask[]): void {
    this.#phase = "ready";
    this.#tasks = created.map(({ task }) => task);
    this.#loop.setTasks(this.#tasks.toReversed());
    for (const { task, restoredBytes, sourcePositions } of created) {
      this.#loop.report(task.subtaskId, {
        kind: "ready",
        restoredBytes,
        ...(sourcePositions === undefined ? {} : { sourcePositions }),
      });
    }
  }

  #start(): void {
    assert(this.#phase === "ready", `start came to a slot that is ${this.#phase}`);
    this.#phase = "running";
    this.#exchange.open();
    for (const task of this.#tasks) {
      task.start();
      this.#loop.report(task.subtaskId, { kind: "running" });
    }
  }

  #sources(): readonly SourceTask[] {
    return this.#tasks.filter((task) => task instanceof SourceTask);
  }

  #sourceOf(vertexId: string, subtaskIndex: number): SourceTask {
    const source = this.#sources().find(
      (one) => one.vertexId === vertexId && one.subtaskIndex === subtaskIndex,
    );
    assert(source !== undefined, `source ${vertexId}/${subtaskIndex} does not run here`);
    return source;
  }
}

/** Nobody hears it: the slot is about to be ended. */
function endedError(): StreamError {
  const options = { domain: "internal", retry: "never" } as const;
  return new StreamError("cancelled", "the slot is ended while it prepares", options);
}
