/*
 * Measures state with a time to live in a process of its own, without tasks and exchange:
 * `node --expose-gc measure-ttl.ts '<options>'` prints one line of JSON. What the state says is checked.
 */
import { keyHash, parseCheckpointId, type CheckpointId } from "@millrace/core";
import { createOperator, type Operator, type OperatorContext } from "@millrace/operators";
import { createHeapBackend } from "@millrace/state";
import { defineJob, elements, state, type } from "millrace";

import { usedBytes } from "../process/used-bytes.ts";
import { benchContext } from "../state/bench-context.ts";

export interface TtlOptions {
  readonly kind: "value" | "map";
  /** Keys that come, each once. */
  readonly keyCount: number;
  /** So many are written within the time to live. */
  readonly aliveCount: number;
  readonly sampleCount: number;
}

export interface TtlFigures {
  /** Used: the heap and buffers behind a full collection. */
  readonly samples: readonly {
    readonly keys: number;
    readonly usedBytes: number;
    readonly cellCount: number;
  }[];
  readonly residentBytes: number;
  /** CPU time of a record with its write, collections and checkpoints included. */
  readonly recordNs: number;
}

type ProcessSpec = Extract<Parameters<typeof createOperator>[0], { readonly kind: "process" }>;

const maxParallelism = 128;
const ttlMs = 60_000;
const recordsPerWatermark = 1_000;
/** What the operator is asked instead of being given a key's number. */
const question = -1;

class TtlRun {
  readonly #options: TtlOptions;
  readonly #backend: ReturnType<typeof createHeapBackend>;
  readonly #operator: Operator;
  #checkpointId: CheckpointId | undefined;
  #watermarkMs = 0;
  #answer: unknown;

  constructor(options: TtlOptions) {
    this.#options = options;
    const groups = { start: 0, end: maxParallelism - 1 };
    this.#backend = createHeapBackend({ operatorName: "seen", groups, maxParallelism });
    this.#operator = createOperator(specOf(options), {
      name: "seen",
      nodeId: 0,
      kind: "process",
      isKeyed: true,
      hasState: true,
      options: null,
    });
    this.#operator.open(this.#createContext());
  }

  run(): TtlFigures {
    const { keyCount, sampleCount } = this.#options;
    const keysPerSample = keyCount / sampleCount;
    const samples: TtlFigures["samples"][number][] = [];
    let cpuMicros = 0;
    for (let keys = keysPerSample; keys <= keyCount; keys += keysPerSample) {
      const before = process.cpuUsage();
      this.#write(keys - keysPerSample, keys);
      const { user, system } = process.cpuUsage(before);
      cpuMicros += user + system;
      this.#check(keys);
      const cellCount = this.#backend.cellCount();
      samples.push({ keys, usedBytes: usedBytes(), cellCount });
    }
    const residentBytes = process.memoryUsage.rss();
    return { samples, residentBytes, recordNs: (cpuMicros * 1_000) / keyCount };
  }

  #write(from: number, to: number): void {
    for (let number = from; number < to; number += 1) {
      if (number % recordsPerWatermark === 0) this.#watermarkMs = this.#timeOf(number) - 1;
      // Four checkpoints within the time to live.
      if (number % (this.#options.aliveCount / 4) === 0) this.#checkpoint();
      this.#push(number, number);
    }
  }

  /** Of what was written within the time to live everything is there, of all before nothing. */
  #check(written: number): void {
    const { aliveCount } = this.#options;
    this.#watermarkMs = this.#timeOf(written);
    for (const part of [0.01, 0.5, 0.99, 1.01, 1.5, 2]) {
      const number = written - part * aliveCount;
      this.#push(number, question);
      const expected = part < 1 ? number : undefined;
      if (this.#answer === expected) continue;
      throw new Error(`key ${number} is ${String(this.#answer)} and not ${String(expected)}`);
    }
  }

  #push(number: number, record: number): void {
    const key = `key-${number}`;
    this.#backend.setCurrentKey(key, keyHash(key));
    this.#operator.onRecord(record, Math.max(this.#timeOf(number), this.#watermarkMs));
  }

  #timeOf(number: number): number {
    return Math.floor((number / this.#options.aliveCount) * ttlMs);
  }

  #checkpoint(): void {
    const base = this.#checkpointId;
    const checkpointId = parseCheckpointId(BigInt(base ?? 0) + 1n);
    this.#checkpointId = checkpointId;
    const cursor = this.#backend.beginSnapshot(
      base === undefined ? { checkpointId, mode: "full" } : { checkpointId, base, mode: "delta" },
      () => undefined,
    );
    while (!cursor.step(() => false));
  }

  #createContext(): OperatorContext {
    return benchContext({
      operatorName: "seen",
      output: {
        emit: (value) => {
          this.#answer = value;
        },
      },
      keyed: this.#backend,
      currentWatermarkMs: () => this.#watermarkMs,
    });
  }
}

/** Returns the operator as an author writes it. */
function specOf({ kind }: TtlOptions): ProcessSpec {
  const options = { ttl: { after: "60 seconds", by: "event-time" } } as const;
  const job = defineJob("ttl", (builder) => {
    const keyed = builder
      .source("keys", elements<number>([]), {
        watermarks: { timestamp: () => 0, outOfOrderness: "0 ms" },
      })
      .keyBy(() => 0);
    if (kind === "value") {
      keyed
        .process("seen", {
          emits: type<number | undefined>(),
          state: { last: state.value<number>(options) },
          onRecord(number, ctx) {
            if (number === question) ctx.emit(ctx.state.last.get());
            else ctx.state.last.set(number);
          },
        })
        .print();
      return;
    }
    keyed
      .process("seen", {
        emits: type<number | undefined>(),
        state: { pages: state.map<string, number>(options) },
        onRecord(number, ctx) {
          if (number === question) ctx.emit(ctx.state.pages.get("home"));
          else ctx.state.pages.set("home", number);
        },
      })
      .print();
  });
  const { nodes } = job.build({ params: {}, baseDirectory: "/" });
  const spec = nodes.map((node) => node.spec).find((one) => one.kind === "process");
  if (spec?.kind !== "process") throw new Error("the job has no process");
  return spec;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- ttl.ts passes them
const options = JSON.parse(process.argv[2] ?? "{}") as TtlOptions;
process.stdout.write(`${JSON.stringify(new TtlRun(options).run())}\n`);
