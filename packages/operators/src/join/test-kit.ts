import type { GeneralWindowSpec, JoinSpec, TableSpec, WindowSpec } from "@millrace/graph";

import { createOperator } from "../create-operator.ts";
import type { Operator } from "../operator.ts";
import { setKey, type BackendUnderTest } from "../test-backends.ts";
import { createTestContext } from "../test-context.ts";

type TestedSpec = JoinSpec | TableSpec | WindowSpec | GeneralWindowSpec;

/** What a test does to a join, step by step. */
export type JoinStep =
  | {
      readonly kind: "left" | "right";
      readonly key: unknown;
      readonly value: unknown;
      readonly at: number;
    }
  | { readonly kind: "watermark"; readonly at: number }
  /** Everything is lost but the snapshot taken now. */
  | { readonly kind: "restore" };

/** A join under test, on a backend that it can be restored from. */
export class JoinUnderTest {
  readonly #spec: TestedSpec;
  readonly #shouldPause: () => boolean;
  readonly #emitted: (readonly [unknown, number])[] = [];
  readonly #side = new Map<string, unknown[]>();
  #backend: BackendUnderTest;
  #operator: Operator;
  #recorded: ReturnType<typeof createTestContext>["recorded"];
  #lateCount = 0;
  #watermarkMs = -Infinity;

  constructor(
    spec: TestedSpec,
    backend: BackendUnderTest,
    shouldPause: () => boolean = () => false,
  ) {
    this.#spec = spec;
    this.#shouldPause = shouldPause;
    this.#backend = backend;
    [this.#operator, this.#recorded] = this.#open();
  }

  left(key: unknown, value: unknown, at: number): this {
    setKey(this.#backend.keyed, key);
    this.#operator.onRecord(value, at);
    return this;
  }

  right(key: unknown, value: unknown, at: number): this {
    setKey(this.#backend.keyed, key);
    this.#operator.onSecond?.(value, at);
    return this;
  }

  watermark(at: number): this {
    while (this.#operator.advanceWatermark?.(at, this.#shouldPause) === false);
    this.#watermarkMs = at;
    return this;
  }

  restore(): this {
    this.#collect();
    this.#backend = this.#backend.restore();
    [this.#operator, this.#recorded] = this.#open();
    return this;
  }

  do(steps: readonly JoinStep[]): this {
    for (const step of steps) {
      if (step.kind === "watermark") this.watermark(step.at);
      else if (step.kind === "restore") this.restore();
      else this[step.kind](step.key, step.value, step.at);
    }
    return this;
  }

  /** Returns what was emitted since the last call. */
  take(): readonly (readonly [unknown, number])[] {
    this.#collect();
    return this.#emitted.splice(0);
  }

  side(tag: string): readonly unknown[] {
    this.#collect();
    return this.#side.get(tag) ?? [];
  }

  get lateCount(): number {
    return this.#lateCount + this.#recorded.late;
  }

  cellCount(): number {
    return this.#backend.keyed.cellCount();
  }

  #open(): [Operator, ReturnType<typeof createTestContext>["recorded"]] {
    const operator = createOperator(this.#spec, {
      name: "join",
      nodeId: 0,
      kind: this.#spec.kind,
      isKeyed: true,
      hasState: true,
      options: null,
    });
    const restoredMs = this.#watermarkMs;
    const { context, recorded } = createTestContext({
      keyed: this.#backend.keyed,
      watermarkMs: () => restoredMs,
    });
    operator.open(context);
    return [operator, recorded];
  }

  #collect(): void {
    for (const { value, timestampMs } of this.#recorded.emitted.splice(0)) {
      this.#emitted.push([value, timestampMs]);
    }
    for (const [tag, records] of this.#recorded.side) {
      this.#side.set(tag, [...(this.#side.get(tag) ?? []), ...records]);
    }
    this.#recorded.side.clear();
    this.#lateCount += this.#recorded.late;
    this.#recorded.late = 0;
  }
}
