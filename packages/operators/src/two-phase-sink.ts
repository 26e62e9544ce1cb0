import { assert, StreamError, type Barrier, type Failpoints, type JsonValue } from "@millrace/core";
import type { SinkConnector, SinkTransactionId, SinkWriter } from "@millrace/graph";

import { committableEntry, parseCommittableEntry, type Committable } from "./committable.ts";
import type { Operator, OperatorContext } from "./operator.ts";

/** Returns the operator that writes to a sink in two phases: prepare at barriers, publish on commit. */
export function createSinkOperator(
  connector: SinkConnector<unknown>,
  failpoints: Failpoints,
): Operator {
  return new TwoPhaseSink(connector, failpoints);
}

interface Opened {
  readonly context: OperatorContext;
  readonly writer: SinkWriter<unknown>;
}

/**
 * A sink's side of the checkpoint protocol (Flink's TwoPhaseCommittingSink). Its state is the list
 * of what is prepared and not known to be published.
 *
 * I1 The cut is made inside prepareSnapshot before its first await: records after the barrier
 *    belong to the next transaction (S8).
 * I2 A snapshot names every committable up to its barrier that is not known to be published, also
 *    those of aborted checkpoints: the next commit publishes them.
 * I3 Nothing is published before the checkpoint that holds it, or a later one, is committed (S13).
 * I4 What is restored is published, all of it by subtask 0 under the ids of its origin, that of the
 *    job included, before orphans are removed: so a restored committable is never taken for an orphan.
 * I5 After a failed prepare no later snapshot succeeds and no record is taken: what was sealed can
 *    only come again from the sources.
 * I6 The writer is closed once, and nothing is asked of it behind that: not by what was under way either.
 */
class TwoPhaseSink implements Operator {
  readonly #connector: SinkConnector<unknown>;
  readonly #failpoints: Failpoints;
  #isOver = false;
  #opened: Opened | undefined;
  /** Prepared and not known to be published, oldest first. */
  #pending: readonly Committable[] = [];
  /** The latest prepare and all before it; rejects for ever once one has failed. */
  #prepared: Promise<void> = Promise.resolve();
  #failure: unknown;
  /** The latest publishing and all before it. */
  #published: Promise<void> = Promise.resolve();

  constructor(connector: SinkConnector<unknown>, failpoints: Failpoints) {
    this.#connector = connector;
    this.#failpoints = failpoints;
  }

  open(context: OperatorContext): void {
    this.#opened = { context, writer: this.#connector.createWriter(context) };
  }

  onRecord(value: unknown): void {
    if (this.#failure !== undefined) throw StreamError.from(this.#failure);
    this.#start().writer.write(value);
  }

  async restoreList(entries: readonly JsonValue[]): Promise<void> {
    const { writer, context } = this.#start();
    if (context.subtaskIndex !== 0) return;
    const isNewId = this.#failpoints.isActive("new-commit-id-on-recommit");
    for (const entry of entries) {
      const restored = parseCommittableEntry(entry, context);
      const { attempt } = isNewId ? context : restored;
      await this.#publish({ ...restored, attempt });
    }
    await this.#attempt("remove what earlier attempts left", () => writer.removeOrphans());
  }

  async prepareSnapshot({ checkpointId }: Barrier): Promise<readonly JsonValue[]> {
    const { writer, context } = this.#start();
    const { jobId, operatorName, subtaskIndex, attempt } = context;
    const transactionId = { jobId, operatorName, subtaskIndex, attempt, checkpointId };
    const sealed = this.#attempt(`prepare checkpoint ${checkpointId}`, () =>
      writer.prepare(transactionId),
    );
    this.#prepared = this.#addPrepared(sealed, this.#prepared, transactionId);
    await this.#prepared;
    if (this.#failpoints.isActive("publish-before-commit")) {
      await this.#publishUpTo(checkpointId);
    }
    return this.#pending.filter((item) => item.checkpointId <= checkpointId).map(committableEntry);
  }

  onCheckpointCompleted(checkpointId: bigint): Promise<void> {
    // What could not be published before is tried again.
    const publish = (): Promise<void> => this.#publishUpTo(checkpointId);
    const publishing = this.#published.then(publish, publish);
    this.#published = publishing;
    return publishing;
  }

  bufferedBytes(): number {
    return this.#isOver ? 0 : this.#start().writer.bufferedBytes();
  }

  flush(): Promise<void> {
    const { writer } = this.#start();
    return this.#attempt("flush", () => writer.flush());
  }

  get letGo(): (() => Promise<void>) | undefined {
    return this.#start().writer.close === undefined ? undefined : () => this.#letGo();
  }

  async #letGo(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure ??= closedError();
    await this.#start().writer.close?.();
  }

  #start(): Opened {
    assert(this.#opened !== undefined, "a sink was used before open");
    return this.#opened;
  }

  async #addPrepared(
    sealed: Promise<JsonValue | undefined>,
    before: Promise<void>,
    { jobId, subtaskIndex, attempt, checkpointId }: SinkTransactionId,
  ): Promise<void> {
    try {
      const [committable] = await Promise.all([sealed, before]);
      if (committable === undefined) return;
      const item = { jobId, subtaskIndex, attempt, checkpointId, committable };
      this.#pending = [...this.#pending, item];
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }

  async #publishUpTo(checkpointId: bigint): Promise<void> {
    for (const item of this.#pending.filter((pending) => pending.checkpointId <= checkpointId)) {
      await this.#publish(item);
      this.#pending = this.#pending.filter((pending) => pending !== item);
    }
  }

  #publish(item: Committable): Promise<void> {
    const { writer } = this.#start();
    return this.#attempt(`publish checkpoint ${item.checkpointId}`, () =>
      writer.publish(item.committable, this.#transactionId(item)),
    );
  }

  #transactionId({ committable: _staged, ...origin }: Committable): SinkTransactionId {
    return { ...origin, operatorName: this.#start().context.operatorName };
  }

  /** Calls the connector; what it throws names the sink and what it was about to do. */
  async #attempt<Result>(what: string, call: () => Promise<Result>): Promise<Result> {
    try {
      if (this.#isOver) throw closedError();
      return await call();
    } catch (cause) {
      if (cause instanceof StreamError) throw cause;
      const { operatorName, subtaskIndex } = this.#start().context;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new StreamError(
        "sink-failed",
        `sink ${operatorName}, subtask ${subtaskIndex}, could not ${what}: ${reason}; check the target of the sink, the job goes on from its latest checkpoint`,
        { domain: "external", retry: "backoff", cause },
      );
    }
  }
}

/** For those who go on behind an await: nobody hears of it. */
function closedError(): StreamError {
  const options = { domain: "internal", retry: "never" } as const;
  return new StreamError("cancelled", "the slot is ended, and the sink is closed", options);
}
