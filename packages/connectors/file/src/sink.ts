import { assert, StreamError, type JsonValue } from "@millrace/core";
import {
  resolvePath,
  type ConnectorContext,
  type SinkFactory,
  type SinkTransactionId,
  type SinkWriter,
} from "@millrace/graph";

import { encodeJsonLine } from "./codec.ts";
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
 * file per subtask and checkpoint that has records. Throws `folder-not-writable`, `sink-failed`,
 * `record-not-encodable`.
 */
export function jsonLines<T>(options: JsonLinesOptions): SinkFactory<T> {
  const { path } = parseJsonLinesOptions(options);
  return {
    createSink: ({ baseDirectory }) => {
      const absolute = resolvePath(baseDirectory, path);
      return {
        connector: "file",
        options: { path: absolute, format: "jsonl" },
        guarantee: "exactly-once",
        createWriter: (context) => new JsonLinesWriter<T>(context, absolute),
      };
    },
  };
}

const stagedPattern = /^(?<sink>.+)-(?<subtask>\d+)-(?<attempt>\d+)-part-\d+\.jsonl$/;

class JsonLinesWriter<T> implements SinkWriter<T> {
  readonly #context: ConnectorContext;
  readonly #root: string;
  readonly #folder: string;
  readonly #staging: string;
  #text = "";
  #partCount = 0;
  /** Whether the open part has bytes on disk. */
  #isStaged = false;
  /** Calls on the disk, one after the other. */
  #tail: Promise<unknown> = Promise.resolve();
  #hasFolder = false;

  constructor(context: ConnectorContext, root: string) {
    this.#context = context;
    this.#root = root;
    this.#folder = `${root}/${context.jobId}`;
    this.#staging = `${this.#folder}/.staging`;
  }

  readonly write = (record: T): void => {
    this.#text += `${encodeJsonLine(record)}\n`;
  };

  bufferedBytes(): number {
    return this.#text.length;
  }

  flush(): Promise<void> {
    const text = this.#takeText();
    if (text === "") return Promise.resolve();
    const part = this.#openPart();
    this.#isStaged = true;
    return this.#enqueue(() => this.#append(part, text));
  }

  prepare(): Promise<JsonValue | undefined> {
    const text = this.#takeText();
    if (text === "" && !this.#isStaged) return Promise.resolve(undefined);
    const part = this.#openPart();
    this.#partCount += 1;
    this.#isStaged = false;
    return this.#enqueue(async () => {
      if (text !== "") await this.#append(part, text);
      await this.#context.disk.sync(`${this.#staging}/${part}`);
      return { part };
    });
  }

  publish(committable: JsonValue, transactionId: SinkTransactionId): Promise<void> {
    const part = parsePart(committable);
    const { jobId, operatorName, subtaskIndex, attempt, checkpointId } = transactionId;
    const name = `${operatorName}-${subtaskIndex}-${attempt}-${checkpointId}.jsonl`;
    // Of another job where this one goes on from its checkpoint: then also its folder.
    const folder = `${this.#root}/${jobId}`;
    const staged = `${folder}/.staging/${part}`;
    return this.#enqueue(() => this.#rename(staged, `${folder}/${name}`));
  }

  removeOrphans(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#makeFolder();
      for (const name of await this.#context.disk.list(this.#staging)) {
        if (this.#isOrphan(name)) await this.#context.disk.remove(`${this.#staging}/${name}`);
      }
    });
  }

  async close(): Promise<void> {
    await this.#tail;
  }

  #isOrphan(name: string): boolean {
    const { sink, attempt } = stagedPattern.exec(name)?.groups ?? {};
    const { operatorName, attempt: own } = this.#context;
    return sink === operatorName && Number(attempt) < own;
  }

  #takeText(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  #openPart(): string {
    const { operatorName, subtaskIndex, attempt } = this.#context;
    return `${operatorName}-${subtaskIndex}-${attempt}-part-${this.#partCount}.jsonl`;
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

function parsePart(committable: JsonValue): string {
  assert(
    typeof committable === "object" && committable !== null && "part" in committable,
    "a committable of jsonLines is not an object",
  );
  const { part } = committable;
  assert(typeof part === "string", "a committable of jsonLines names no part");
  return part;
}
