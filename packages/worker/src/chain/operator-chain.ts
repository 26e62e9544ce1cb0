import {
  assert,
  keyGroupOf,
  keyHash,
  minWatermark,
  parseSubtaskId,
  StreamError,
  type FailureLocation,
  type LookAhead,
  type SubtaskId,
} from "@millrace/core";
import type { ConsumeRecord, OutputGate } from "@millrace/exchange";
import type { UserFunction } from "@millrace/graph";
import type { Operator, OperatorContext, Output } from "@millrace/operators";
import type { KeyedBackend } from "@millrace/state";

import type { SnapshotPart } from "../task/subtask-snapshots.ts";
import { createChainCursor, type ChainCursor } from "./chain-cursor.ts";
import { locateFailure } from "./chain-failure.ts";
import {
  compileChain,
  compileKeyedEntry,
  compilePlainEntry,
  type ChainStep,
  type CompiledChain,
} from "./compile-chain.ts";
import { OperatorHooks } from "./operator-hooks.ts";

/** A sink may hold back so much for its target before its task pauses. */
const maxHeldBackBytes = 4 * 1024 * 1024;

/** An output gate and whose key function it calls. */
export interface ChainGate {
  readonly gate: OutputGate;
  /** What of the author's chooses its channel, if anything does. */
  readonly outer: OuterStep;
  /** The step that emits to it, -1 where that is what begins the chain, and that operator's name. */
  readonly after: number;
  readonly emitterName: string;
  /** What it takes of that operator: what is emitted to the tag, or the main output. */
  readonly tag: string | undefined;
}

/** A function of the author that belongs to an edge or to the source. */
export interface OuterStep {
  readonly role: string;
  /** Absent: the operator that emits. */
  readonly name: string | undefined;
}

export interface ChainOptions {
  readonly subtaskId: SubtaskId;
  readonly steps: readonly ChainStep[];
  readonly gates: readonly ChainGate[];
  /** Of the first step, where it is keyed. */
  readonly keyed: KeyedBackend | undefined;
  readonly maxParallelism: number;
  /** What an operator's context holds besides its outputs, its keyed state and its time. */
  readonly contextOf: (
    name: string,
  ) => Omit<
    OperatorContext,
    "output" | "sideOutput" | "keyed" | "currentWatermarkMs" | "seenWatermarkMs" | "countLate"
  >;
}

interface EntryOptions {
  /** Partials come beside records. */
  readonly isCombined?: boolean;
  /** The edge leads to the second of two inputs. */
  readonly isSecond?: boolean;
}

/**
 * The operators of one subtask as a task runs them: compiled records, watermarks in order, state.
 *
 * I1 A watermark passes the operators first to last; each has fired all that is due before the next
 *    sees it, and the outputs see it last.
 * I2 The watermark of the chain is the last one that every operator has fully fired (S12).
 */
export class OperatorChain {
  readonly cursor: ChainCursor;
  readonly run: CompiledChain["run"];
  readonly hooks: OperatorHooks;
  readonly #subtaskId: SubtaskId;
  readonly #chain: CompiledChain;
  readonly #steps: readonly ChainStep[];
  /** Those of main outputs first. */
  readonly #gates: readonly ChainGate[];
  readonly #keyed: KeyedBackend | undefined;
  /** What runs at the steps behind the operators. */
  readonly #outerSteps: OuterStep[];
  readonly #buffering: readonly Operator[];
  /** Steps that may do something by the wall clock. */
  readonly #timed: readonly TimedStep[];
  readonly #maxParallelism: number;
  /** By step; the second is ahead of the first while a step fires. */
  readonly #firedMs: number[];
  readonly #seenMs: number[];
  /** Step that a watermark has reached. */
  #advancing = 0;
  #watermarkMs: number = minWatermark;

  constructor(options: ChainOptions) {
    this.cursor = createChainCursor();
    this.#subtaskId = options.subtaskId;
    this.#steps = options.steps;
    // Those of main outputs come first: the compiled chain counts steps by them.
    this.#gates = options.gates.toSorted((left, right) => rankOf(left) - rankOf(right));
    this.#keyed = options.keyed;
    this.#maxParallelism = options.maxParallelism;
    this.#outerSteps = this.#gates.map(({ outer }) => outer);
    this.#firedMs = options.steps.map(() => minWatermark);
    this.#seenMs = options.steps.map(() => minWatermark);
    this.#chain = compileChain({
      steps: options.steps,
      gates: this.#gates.filter(({ tag }) => tag === undefined),
      cursor: this.cursor,
    });
    this.run = this.#chain.run;
    this.hooks = new OperatorHooks(options.subtaskId, options.steps);
    this.#buffering = this.operators().filter((operator) => "bufferedBytes" in operator);
    this.#timed = options.steps.flatMap((step, index) =>
      step.kind === "operator" && step.operator.nextProcessingTimeMs !== undefined
        ? [{ index, operator: step.operator }]
        : [],
    );
    for (const [index, step] of options.steps.entries()) this.#open(options, { index, step });
  }

  /** The last watermark that was fully fired. */
  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** Operators that are objects, in order. */
  operators(): readonly Operator[] {
    return this.#steps.flatMap((step) => (step.kind === "operator" ? [step.operator] : []));
  }

  snapshotParts(): readonly SnapshotPart[] {
    return this.#steps.map((step, index) => ({
      name: step.name,
      keyed: index === 0 ? this.#keyed : undefined,
      operator: step.kind === "operator" ? step.operator : undefined,
    }));
  }

  /** Returns what consumes the records of an edge; the key is that of the edge's `key-by`. */
  entryFor(
    key: { readonly select: UserFunction; readonly name: string } | undefined,
    { isCombined = false, isSecond = false }: EntryOptions = {},
  ): ConsumeRecord {
    // What is broadcast beside keyed records has no key.
    if (this.#keyed === undefined || (key === undefined && isSecond)) {
      return compilePlainEntry(this.#chain, this.cursor, isSecond);
    }
    assert(key !== undefined, `${this.#subtaskId} is keyed, so every edge to it selects a key`);
    return compileKeyedEntry({
      selectKey: key.select,
      keyed: this.#keyed,
      chain: this.#chain,
      cursor: this.cursor,
      keyStep: this.addOuterStep(keyStepOf(key.name)),
      isCombined,
      isSecond,
    });
  }

  /** Returns the step to store in the cursor before calling a function that is no operator. */
  addOuterStep(outerStep: OuterStep): number {
    this.#outerSteps.push(outerStep);
    return this.#steps.length + this.#outerSteps.length - 1;
  }

  /** Whether every output has room and no sink holds back too much. */
  hasRoom(): boolean {
    for (const { gate } of this.#gates) if (!gate.hasRoom()) return false;
    for (const operator of this.#buffering) {
      if ((operator.bufferedBytes?.() ?? 0) > maxHeldBackBytes) return false;
    }
    return true;
  }

  /** Whether a sink holds records back, so that room is to be asked for again and again. */
  holdsBack(): boolean {
    return this.#buffering.length > 0;
  }

  /** Returns what is to be told of the keys of records to come. */
  lookAhead(): LookAhead {
    const keyed = this.#keyed;
    if (keyed === undefined) return () => {};
    return (hashes, from, to) => keyed.lookAhead(hashes, from, to);
  }

  /** Fires what is due; true when all operators have. Until then it is called with the same time. */
  advanceWatermark(watermarkMs: number, shouldPause: () => boolean): boolean {
    while (this.#advancing < this.#steps.length) {
      const index = this.#advancing;
      const step = this.#steps[index];
      this.cursor.step = index;
      this.#seenMs[index] = watermarkMs;
      if (step?.kind === "operator" && step.operator.advanceWatermark !== undefined) {
        if (!step.operator.advanceWatermark(watermarkMs, shouldPause)) return false;
      }
      this.#firedMs[index] = watermarkMs;
      this.#advancing += 1;
    }
    this.#advancing = 0;
    this.#watermarkMs = watermarkMs;
    return true;
  }

  /** When an operator next has something to do by the wall clock; Infinity: none has. */
  nextProcessingTimeMs(): number {
    let nextMs = Infinity;
    for (const { operator } of this.#timed) {
      nextMs = Math.min(nextMs, operator.nextProcessingTimeMs?.() ?? Infinity);
    }
    return nextMs;
  }

  /** Fires what is due by the wall clock; as `advanceWatermark`. */
  advanceProcessingTime(nowMs: number, shouldPause: () => boolean): boolean {
    for (const { index, operator } of this.#timed) {
      this.cursor.step = index;
      if ((operator.nextProcessingTimeMs?.() ?? Infinity) > nowMs) continue;
      if (operator.advanceProcessingTime?.(nowMs, shouldPause) === false) return false;
    }
    return true;
  }

  /** Takes over the watermark of a snapshot; after its state. */
  restoreWatermark(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs;
    this.#firedMs.fill(watermarkMs);
    this.#seenMs.fill(watermarkMs);
  }

  /** Operators that hold records back for their target. */
  buffering(): readonly Operator[] {
    return this.#buffering;
  }

  /** Returns the key group of the record that runs; undefined without keys. */
  keyGroup(): number | undefined {
    // While a key function runs, the current key is still that of the record before.
    if (this.#keyed === undefined || this.cursor.step >= this.#steps.length) return undefined;
    return keyGroupOf(keyHash(this.#keyed.currentKey()), this.#maxParallelism);
  }

  cellCount(): number {
    return this.#keyed?.cellCount() ?? 0;
  }

  /** Returns what was thrown while the chain ran, with its place. */
  locate(thrown: unknown, position: Pick<FailureLocation, "position" | "channel">): unknown {
    const { step } = this.cursor;
    const behind = step - this.#steps.length;
    // Behind the key function the gate encodes: a record that it refuses is the emitting operator's.
    const isRefused = StreamError.is(thrown, "record-not-encodable", "record-too-large");
    const outer = isRefused ? undefined : this.#outerSteps[behind];
    const emitter = this.#gates[behind]?.emitterName ?? parseSubtaskId(this.#subtaskId).vertexId;
    return locateFailure(thrown, {
      subtaskId: this.#subtaskId,
      operator: this.#steps[step]?.name ?? outer?.name ?? emitter,
      role: outer?.role ?? "",
      position,
    });
  }

  /** Returns what the operator at the step emits to the tag with. */
  #sideOutput(tag: string, step: number): Output {
    const { cursor } = this;
    const targets = this.#gates.flatMap((one, index) =>
      one.tag === tag && one.after === step
        ? [{ gate: one.gate, gateStep: this.#steps.length + index }]
        : [],
    );
    if (targets.length === 0) return { emit: () => {} };
    return {
      emit: (value, timestampMs) => {
        cursor.recordsOut += 1;
        for (const { gate, gateStep } of targets) {
          cursor.step = gateStep;
          gate.emit(value, timestampMs);
        }
        cursor.step = step;
      },
    };
  }

  #open(
    options: ChainOptions,
    { index, step }: { readonly index: number; readonly step: ChainStep },
  ): void {
    if (step.kind !== "operator") return;
    const output: Output | undefined = this.#chain.outputs[index];
    assert(output !== undefined, `operator ${step.name} has an output`);
    step.operator.open({
      ...options.contextOf(step.name),
      output,
      sideOutput: (tag) => this.#sideOutput(tag, index),
      keyed: index === 0 ? this.#keyed : undefined,
      currentWatermarkMs: () => this.#firedMs[index] ?? minWatermark,
      seenWatermarkMs: () => this.#seenMs[index] ?? minWatermark,
      countLate: (recordCount) => {
        this.cursor.recordsLate += recordCount;
      },
    });
  }
}

interface TimedStep {
  readonly index: number;
  readonly operator: Operator;
}

function rankOf({ tag }: ChainGate): number {
  return tag === undefined ? 0 : 1;
}

/** Returns the step of a `key-by`. */
export function keyStepOf(keyName: string): OuterStep {
  return { role: "the key function of", name: keyName };
}
