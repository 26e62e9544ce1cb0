import { assert, type JsonValue } from "@millrace/core";
import type {
  SourceBatch,
  SourceConnector,
  SourceReader,
  SplitDescriptor,
  SplitHandle,
} from "@millrace/graph";

import { ArrivalOrder } from "./arrival-order.ts";
import type { NexmarkEvent } from "./event.ts";
import { generatorVersion, NexmarkGenerator } from "./generator.ts";
import { parseNexmarkOptions, type NexmarkOptions, type ParsedNexmarkOptions } from "./options.ts";

/*
 * Splits of the one stream. A split is every `step`-th position from `first` to before `end`; a position is
 * the next of them. Splits of a stretch interleave, so that they go through event time side by side; a
 * range of its own for each split would put the second one hours ahead of the first, and everything in
 * between into state. Stretches follow each other, earliest first.
 */

/** About 300 kB of records: they die young. */
const batchSize = 1_024;

/**
 * Returns a replayable source of events 0 to `events - 1`. `rateLimit` of the job's source paces it, and
 * `nexmarkWatermarks` gives its watermarks. Throws `invalid-argument`.
 */
export function nexmarkSource(options: NexmarkOptions = {}): SourceConnector<NexmarkEvent> {
  const parsed = parseNexmarkOptions(options);
  return {
    connector: "nexmark",
    options: { ...options, generatorVersion },
    canReplay: true,
    discover: () => Promise.resolve(describeSplits(parsed)),
    createReader: () => createReader(parsed),
  };
}

interface NexmarkSplit {
  readonly first: number;
  readonly step: number;
  /** Infinity, in JSON null, if there is none. */
  readonly end: number;
}

function describeSplits({
  generator,
  events,
  outOfOrderGroup,
  splits,
  stretchEvents,
}: ParsedNexmarkOptions): readonly SplitDescriptor[] {
  const { firstEventAtMs, intervalMicros } = generator;
  const order = new ArrivalOrder(outOfOrderGroup, events);
  const described: SplitDescriptor[] = [];
  let start = 0;
  do {
    const end = Math.min(start + stretchEvents, events);
    const last = Math.min(splits, end - start);
    for (let index = 0; index < last; index += 1) {
      const first = start + index;
      const lowerMicros = order.lowestFrom(first) * intervalMicros;
      described.push({
        id: `${start}+${index}`,
        descriptor: { first, step: splits, end: end === Infinity ? null : end },
        lowerBoundMs: firstEventAtMs + Math.floor(lowerMicros / 1_000),
      });
    }
    start = end;
  } while (start < events);
  return described;
}

function createReader(options: ParsedNexmarkOptions): SourceReader<NexmarkEvent> {
  const generator = new NexmarkGenerator(options.generator);
  const order = new ArrivalOrder(options.outOfOrderGroup, options.events);
  return {
    open: ({ descriptor }, position) => {
      const split = parseSplit(descriptor);
      const next = parsePosition(position) ?? split.first;
      return Promise.resolve(new NexmarkSplitHandle(generator, order, { ...split, first: next }));
    },
  };
}

class NexmarkSplitHandle implements SplitHandle<NexmarkEvent> {
  readonly #generator: NexmarkGenerator;
  readonly #order: ArrivalOrder;
  readonly #step: number;
  readonly #end: number;
  #next: number;

  constructor(generator: NexmarkGenerator, order: ArrivalOrder, split: NexmarkSplit) {
    this.#generator = generator;
    this.#order = order;
    this.#step = split.step;
    this.#end = split.end;
    this.#next = split.first;
  }

  nextBatch(): Promise<SourceBatch<NexmarkEvent> | undefined> {
    const first = this.#next;
    if (first >= this.#end) return Promise.resolve(undefined);
    const step = this.#step;
    const end = Math.min(this.#end, first + step * batchSize);
    const generator = this.#generator;
    const order = this.#order;
    const records: NexmarkEvent[] = [];
    let position = first;
    for (; position < end; position += step) {
      records.push(generator.event(order.numberAt(position)));
    }
    this.#next = position;
    return Promise.resolve({ records, positionAt: (index) => first + step * index });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function parseSplit(descriptor: JsonValue): NexmarkSplit {
  assert(
    typeof descriptor === "object" && descriptor !== null && "first" in descriptor,
    "a split of nexmark is not an object",
  );
  const { first, step, end } = descriptor;
  assert(
    typeof first === "number" &&
      typeof step === "number" &&
      (typeof end === "number" || end === null),
    "a split of nexmark has no positions",
  );
  return { first, step, end: end ?? Infinity };
}

function parsePosition(position: JsonValue | undefined): number | undefined {
  assert(position === undefined || typeof position === "number", "a position is not a number");
  return position;
}
