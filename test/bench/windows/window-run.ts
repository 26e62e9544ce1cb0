import { keyHash, parseCheckpointId, type CheckpointId } from "@millrace/core";
import { createOperator, type Operator, type OperatorContext } from "@millrace/operators";
import { createHeapBackend, maxLookAhead } from "@millrace/state";
import type { JobDefinition } from "millrace";

import { waitedForProcessorMs } from "../process/processor-wait.ts";
import { usedBytes } from "../process/used-bytes.ts";
import { benchContext } from "../state/bench-context.ts";
import type { WindowFigures, WindowOptions } from "./measure-windows.ts";

type WindowSpec = Extract<
  Parameters<typeof createOperator>[0],
  { readonly kind: "window" | "general-window" }
>;

const sliceLength = 1_000;
const maxParallelism = 128;
const turnMs = 2;
/** Between two looks at the clock. */
const stepsPerLook = 64;
/** So many panes of a second long a tenth of the keys is active, one tenth after the other. */
const sessionPaneCount = 20;
const sessionPaneMs = 1_000;
const startMs = 1_700_000_000_000 - (1_700_000_000_000 % 3_600_000);

/** What a phase cost. */
class Phase {
  cpuMicros = 0;
  count = 0;
}

/** One window operator over the heap backend, and what feeds it. */
export class WindowRun {
  readonly #options: WindowOptions;
  readonly #paneMs: number;
  readonly #windowsPerRecord: number;
  readonly #backend: ReturnType<typeof createHeapBackend>;
  readonly #operator: Operator;
  readonly #keys: (string | number)[] = Array.from({ length: sliceLength }, () => 0);
  readonly #hashes = new Int32Array(sliceLength);
  readonly #record: { amount: number } = { amount: 1 };
  readonly #bytesBefore: number;
  #random = 1;
  #records = new Phase();
  #results = new Phase();
  #checkpointId: CheckpointId | undefined;
  #bytesPerCell = 0;
  #longestPauseMs = 0;
  #resultCount = 0;
  #resultSum = 0;
  #recordCount = 0;

  constructor(options: WindowOptions, job: JobDefinition) {
    const spec = windowSpecOf(job);
    const { assigner } = spec;
    this.#options = options;
    const panes = panesOf(assigner);
    this.#paneMs = panes.paneMs;
    this.#windowsPerRecord = panes.windowsPerRecord;
    this.#bytesBefore = usedBytes();
    this.#backend = createHeapBackend({
      operatorName: "window",
      groups: { start: 0, end: maxParallelism - 1 },
      maxParallelism,
    });
    this.#operator = createOperator(spec, {
      name: "window",
      nodeId: 0,
      kind: spec.kind,
      isKeyed: true,
      hasState: true,
      options: null,
    });
    this.#operator.open(this.#createContext());
  }

  /** What was measured until now does not count; what was checked does. */
  startToCount(): void {
    this.#records = new Phase();
    this.#results = new Phase();
    this.#longestPauseMs = 0;
  }

  /** Adds a pane's records and fires the window that ends with it. */
  addPane(pane: number): void {
    const { recordsPerPane, paneCount } = this.#options;
    const paneStartMs = startMs + pane * this.#paneMs;
    for (let done = 0; done < recordsPerPane; done += sliceLength) {
      const timestampMs = paneStartMs + Math.floor((done / recordsPerPane) * this.#paneMs);
      this.#addSlice(pane, timestampMs);
    }
    this.#checkpoint();
    if (pane === paneCount - 1) {
      this.#bytesPerCell = (usedBytes() - this.#bytesBefore) / this.#backend.cellCount();
    }
    this.#advance(paneStartMs + this.#paneMs - 1);
  }

  /** Fires all that is left and checks that each record counts in each of its windows. */
  finish(): WindowFigures {
    const records = this.#records;
    const results = this.#results;
    const recordNs = (records.cpuMicros * 1_000) / records.count;
    const resultNs = (results.cpuMicros * 1_000) / results.count;
    const totalNs = ((records.cpuMicros + results.cpuMicros) * 1_000) / records.count;
    const longestPauseMs = this.#longestPauseMs;
    this.#advance(Infinity);
    const expected = this.#recordCount * this.#windowsPerRecord;
    if (this.#resultSum !== expected || this.#backend.cellCount() !== 0) {
      throw new Error(`windows come to ${this.#resultSum}, and not ${expected}`);
    }
    return { recordNs, resultNs, totalNs, longestPauseMs, bytesPerCell: this.#bytesPerCell };
  }

  #addSlice(pane: number, timestampMs: number): void {
    const { windows, keyKind, keyCount } = this.#options;
    const isSession = windows === "sessions of 10 s";
    const activeCount = isSession ? keyCount / 10 : keyCount;
    const first = isSession ? (Math.floor(pane / sessionPaneCount) % 10) * activeCount : 0;
    for (let index = 0; index < sliceLength; index += 1) {
      const number = first + (this.#nextRandom() % activeCount);
      const key = keyKind === "string" ? `auction-${number}` : number;
      this.#keys[index] = key;
      this.#hashes[index] = keyHash(key);
    }
    this.#timed(this.#records, () => {
      for (let index = 0; index < sliceLength; index += 1) {
        if (index % maxLookAhead === 0) this.#backend.lookAhead(this.#hashes, index, sliceLength);
        this.#backend.setCurrentKey(this.#keys[index], this.#hashes[index] ?? 0);
        this.#operator.onRecord(this.#record, timestampMs);
      }
    });
    this.#records.count += sliceLength;
    this.#recordCount += sliceLength;
  }

  #advance(watermarkMs: number): void {
    const before = this.#resultCount;
    for (let isDone = false; !isDone;) {
      const deadlineMs = performance.now() + turnMs;
      let steps = 0;
      const shouldPause = (): boolean => {
        steps += 1;
        return steps % stepsPerLook === 0 && performance.now() >= deadlineMs;
      };
      this.#timed(this.#results, () => {
        isDone = this.#operator.advanceWatermark?.(watermarkMs, shouldPause) ?? true;
      });
    }
    this.#results.count += this.#resultCount - before;
  }

  /** Takes a checkpoint against the one before, which keeps what is held for it bounded; not timed. */
  #checkpoint(): void {
    const base = this.#checkpointId;
    this.#checkpointId = parseCheckpointId(BigInt(base ?? 0) + 1n);
    const cursor = this.#backend.beginSnapshot(
      base === undefined
        ? { checkpointId: this.#checkpointId, mode: "full" }
        : { checkpointId: this.#checkpointId, base, mode: "delta" },
      () => undefined,
    );
    while (!cursor.step(() => false));
  }

  /** Reading what was waited for is no part of the CPU time: it costs as much as many records. */
  #timed(phase: Phase, work: () => void): void {
    const waitedMs = waitedForProcessorMs();
    const startedMs = performance.now();
    const cpuBefore = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(cpuBefore);
    const tookMs = performance.now() - startedMs;
    const pauseMs = tookMs - (waitedForProcessorMs() - waitedMs);
    this.#longestPauseMs = Math.max(this.#longestPauseMs, pauseMs);
    phase.cpuMicros += user + system;
  }

  #nextRandom(): number {
    let random = this.#random;
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    this.#random = random;
    return random >>> 0;
  }

  #createContext(): OperatorContext {
    return benchContext({
      operatorName: "window",
      output: { emit: (value) => this.#take(value) },
      keyed: this.#backend,
      currentWatermarkMs: () => -Infinity,
    });
  }

  #take(value: unknown): void {
    this.#resultCount += 1;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the windows of measure-windows.ts emit
    this.#resultSum += (value as { readonly value: number }).value;
  }
}

function windowSpecOf(job: JobDefinition): WindowSpec {
  const { nodes } = job.build({ params: {}, baseDirectory: "/" });
  for (const { spec } of nodes) {
    if (spec.kind === "window" || spec.kind === "general-window") return spec;
  }
  throw new Error("the job has no window");
}

/** Returns how event time is cut into what is added at a time. */
function panesOf(assigner: WindowSpec["assigner"]): {
  readonly paneMs: number;
  readonly windowsPerRecord: number;
} {
  switch (assigner.kind) {
    case "tumbling":
      return { paneMs: assigner.sizeMs, windowsPerRecord: 1 };
    case "sliding":
      return { paneMs: assigner.slideMs, windowsPerRecord: assigner.sizeMs / assigner.slideMs };
    case "session":
      return { paneMs: sessionPaneMs, windowsPerRecord: 1 };
    case "global":
      throw new Error("the global window does not fire");
  }
}
