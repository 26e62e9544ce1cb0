import type { AsyncSpec } from "@millrace/graph";

import type { TestNode } from "./slot-world.ts";
import type { TestRecord, TestTarget } from "./test-connectors.ts";
import { sinkNode, sourceNode, type Splits } from "./test-jobs.ts";

/** What the function of an async operator gets. */
export interface Call {
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly sleep: (duration: string) => Promise<void>;
}

/** A service that answers each record with its value, after so many milliseconds of virtual time. */
export class TestService {
  /** Values, in the order in which they were asked for. */
  readonly asked: number[] = [];
  openCount = 0;
  mostOpen = 0;
  /** Of requests whose signal has aborted. */
  readonly aborted: number[] = [];
  readonly #delayMs: (value: number, attempt: number) => number;

  constructor(delayMs: (value: number, attempt: number) => number) {
    this.#delayMs = delayMs;
  }

  /** Not a method: specs take it as a function. */
  readonly ask = async (record: TestRecord, call: Call): Promise<number> => {
    const { value } = record;
    this.asked.push(value);
    this.openCount += 1;
    this.mostOpen = Math.max(this.mostOpen, this.openCount);
    call.signal.addEventListener("abort", () => this.aborted.push(value));
    try {
      await call.sleep(`${this.#delayMs(value, call.attempt)}ms`);
      return value;
    } finally {
      this.openCount -= 1;
    }
  };
}

export function asyncSpec(ask: AsyncSpec["ask"], options: Partial<AsyncSpec> = {}): AsyncSpec {
  return { kind: "async-map", ask, isFlat: false, isOrdered: true, capacity: 100, ...options };
}

/** A source, an async operator and a sink; the sink `aside` takes what goes to the tag. */
export function asyncNodes(
  target: TestTarget,
  splits: Splits,
  { spec, aside }: { readonly spec: AsyncSpec; readonly aside?: TestTarget },
): TestNode[] {
  const nodes = [
    sourceNode(splits),
    { name: "enriched", inputs: [0], spec } as const,
    sinkNode(target, 1),
  ];
  if (aside === undefined) return nodes;
  return [
    ...nodes,
    { name: "failures", inputs: [1], spec: { kind: "side-output", tag: "failed" } },
    { name: "aside", inputs: [3], spec: { kind: "sink", connector: aside.connector() } },
  ];
}
