import { StreamError, type JsonValue } from "@millrace/core";
import {
  resolvePath,
  type ConnectorContext,
  type SinkFactory,
  type SinkTransactionId,
  type SinkWriter,
} from "@millrace/graph";

import { encodeJsonLine } from "./codec.ts";
import { checkPartition, parseCommittable, toCommittable } from "./committed-parts.ts";
import { parseJsonLinesOptions, type JsonLinesOptions } from "./options.ts";

/*
 * Writes records as lines of JSON, in two phases. Records go to a file under `.staging`, which is
 * renamed to its final name when its checkpoint has committed.
 *
 * I1 The final name is a pure function of the transaction id (S13); no two transactions share it.
 * I2 What `prepare` names is durable before it returns (S5).
 * I3 `publish` again, also in another process, finds the final file and does nothing.
 * I4 `removeOrphans` removes only staged files of earlier attempts of this sink.
 */

/**
 * Returns an exactly-once sink: `<path>/<job-id>/<sink>-<subtask>-<attempt>-<checkpoint>.jsonl`, one
 * file per subtask and checkpoint that has records; with `partitionBy` one for each folder that it names.
 * Throws `folder-not-writable`, `sink-failed`, `record-not-encodable`.
 */
export function jsonLines<T>(options: JsonLinesOptions<T>): SinkFactory<T> {
  const { path, partitionBy } = parseJsonLinesOptions(options);
  return {
    createSink: ({ baseDirectory }) => {
      const absolute = resolvePath(baseDirectory, path);
      return {
        connector: "file",
        options: {
          path: absolute,
          format: "jsonl",
          ...(partitionBy === undefined ? {} : { isPartitioned: true }),
        },
        guarantee: "exactly-once",
        createWriter: (context) => new JsonLinesWriter<T>(context, { root: absolute, partitionBy }),
      };
    },
  };
}

const stagedPattern = /^(?<sink>.+)-(?<subtask>\d+)-(?<attempt>\d+)-part-\d+\.jsonl$/;

/** A staged file of the transaction that is open. */
interface OpenPart {
  readonly part: string;
  /** Not on disk yet. */
  text: string;
}

class JsonLinesWriter<T> implements SinkWriter<T> {
  readonly #context: ConnectorContext;
  readonly #root: string;
  readonly #folder: string;
  readonly #staging: string;
  readonly #partitionBy: ((record: T) => string) | undefined;
  /** By partition; one without a name where there are none. */
  #open = new Map<string | undefined, OpenPart>();
  #bufferedLength = 0;
  #partCount = 0;
  /** Calls on the disk, one after the other. */
  #tail: Promise<unknown> = Promise.resolve();
  #hasFolder = false;

  constructor(
    context: ConnectorContext,
    {
      root,
      partitionBy,
    }: { readonly root: string; readonly partitionBy: ((record: T) => string) | undefined },
  ) {
    this.#context = context;
    this.#root = root;
    this.#partitionBy = partitionBy;
    this.#folder = `${root}/${context.jobId}`;
    this.#staging = `${this.#folder}/.staging`;
  }

  readonly write = (record: T): void => {
    const line = `${encodeJsonLine(record)}\n`;
    this.#partOf(record).text += line;
    this.#bufferedLength += line.length;
  };

  bufferedBytes(): number {
    return this.#bufferedLength;
  }

  async flush(): Promise<void> {
    const appended = [...this.#open.values()].map((open) => this.#flushPart(open));
    this.#bufferedLength = 0;
    await Promise.all(appended);
  }

  async prepare(): Promise<JsonValue | undefined> {
    const open = this.#open;
    this.#open = new Map();
    this.#bufferedLength = 0;
    const durable = [...open.values()].map(async (each) => {
      // The cut: what is written from here on is in other parts.
      await this.#flushPart(each);
      await this.#enqueue(() => this.#context.disk.sync(`${this.#staging}/${each.part}`));
    });
    await Promise.all(durable);
    return toCommittable(
      [...open].map(([partition, { part }]) =>
        partition === undefined ? { part } : { part, partition },
      ),
    );
  }

  async publish(committable: JsonValue, transactionId: SinkTransactionId): Promise<void> {
    const { jobId, operatorName, subtaskIndex, attempt, checkpointId } = transactionId;
    const name = `${operatorName}-${subtaskIndex}-${attempt}-${checkpointId}.jsonl`;
    // Of another job where this one goes on from its checkpoint: then also its folder.
    const folder = `${this.#root}/${jobId}`;
    const renamed = parseCommittable(committable).map(({ part, partition }) => {
      const target = partition === undefined ? folder : `${folder}/${partition}`;
      return this.#enqueue(async () => {
        if (partition !== undefined) await this.#context.disk.makeFolder(target);
        await this.#rename(`${folder}/.staging/${part}`, `${target}/${name}`);
      });
    });
    await Promise.all(renamed);
  }

  removeOrphans(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#makeFolder();
      for (const name of await this.#context.disk.list(this.#staging)) {
        if (this.#isOrphan(name)) await this.#context.disk.remove(`${this.#staging}/${name}`);
      }
    });
  }

  #isOrphan(name: string): boolean {
    const { sink, attempt } = stagedPattern.exec(name)?.groups ?? {};
    const { operatorName, attempt: own } = this.#context;
    return sink === operatorName && Number(attempt) < own;
  }

  #partOf(record: T): OpenPart {
    const partition = this.#partitionBy?.(record);
    let open = this.#open.get(partition);
    if (open === undefined) {
      if (this.#partitionBy !== undefined) checkPartition(partition);
      const { operatorName, subtaskIndex, attempt } = this.#context;
      const part = `${operatorName}-${subtaskIndex}-${attempt}-part-${this.#partCount}.jsonl`;
      this.#partCount += 1;
      open = { part, text: "" };
      this.#open.set(partition, open);
    }
    return open;
  }

  #flushPart(open: OpenPart): Promise<void> {
    const { part, text } = open;
    open.text = "";
    return text === "" ? Promise.resolve() : this.#enqueue(() => this.#append(part, text));
  }

  async #append(part: string, text: string): Promise<void> {
    await this.#makeFolder();
    await this.#context.disk.append(`${this.#staging}/${part}`, Buffer.from(text, "utf8"));
  }

  async #makeFolder(): Promise<void> {
    if (this.#hasFolder) return;
    await this.#context.disk.makeFolder(this.#staging);
    this.#hasFolder = true;
  }

  async #rename(staged: string, target: string): Promise<void> {
    const { disk } = this.#context;
    try {
      await disk.rename(staged, target);
    } catch (error) {
      if (!StreamError.is(error, "not-found")) throw error;
      if ((await disk.stat(target)) !== undefined) return;
      throw new StreamError(
        "sink-failed",
        `neither the staged file ${staged} nor ${target} exists: output of a committed checkpoint is gone; put the file back or run the job again`,
        { domain: "external", retry: "never", cause: error },
      );
    }
  }

  #enqueue<Result>(action: () => Promise<Result>): Promise<Result> {
    const result = this.#tail.then(() => this.#named(action));
    this.#tail = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  async #named<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof StreamError && error.code !== "internal") throw error;
      const reason = error instanceof Error ? error.message : String(error);
      const message = `cannot write below ${this.#folder}: ${reason}; check the disk and the folder`;
      throw new StreamError("sink-failed", message, {
        domain: "external",
        retry: "backoff",
        cause: error,
      });
    }
  }
}
