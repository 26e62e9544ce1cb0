import { StreamError, type Duration } from "@millrace/core";

/** What decides the events; two generators with equal options give equal events. */
export interface GeneratorOptions {
  /** Event time of event 0, in milliseconds since the epoch; 2015-07-15T00:00:00Z unless set. */
  readonly firstEventAtMs?: number;
  /** From one event to the next, in microseconds of event time, a whole number; 1,000 unless set. */
  readonly intervalMicros?: number;
  /** One bid in so many goes to any recent auction, the others to the hot one; 2 unless set. */
  readonly hotAuctionRatio?: number;
  /** One auction in so many is of any recent person, the others of the hot seller; 4 unless set. */
  readonly hotSellerRatio?: number;
  /** One bid in so many is of any recent person, the others of the hot bidder; 4 unless set. */
  readonly hotBidderRatio?: number;
}

export type ParsedGeneratorOptions = Required<GeneratorOptions>;

/** Options of `nexmarkSource`. */
export interface NexmarkOptions extends GeneratorOptions {
  /** Number of events, from event 0; absent: they never end. */
  readonly events?: number;
  /**
   * Events arrive in groups of so many, each group in an order of its own and before the next one;
   * 1, which is in order, unless set. The events are the same whatever the group.
   */
  readonly outOfOrderGroup?: number;
  /**
   * Splits that are read side by side, each every so many-th event, so that event time goes forward in
   * all of them alike. Take the source's parallelism; 1 unless set.
   */
  readonly splits?: number;
  /**
   * Events that the splits share before the next ones begin; all unless set. Needed where the
   * parallelism may change: what is read side by side then moves on in event time together, however
   * many read it. Needs `events`; at most 100,000 splits come of it.
   */
  readonly stretchEvents?: number;
}

export interface ParsedNexmarkOptions {
  readonly generator: ParsedGeneratorOptions;
  /** Infinity if they never end. */
  readonly events: number;
  readonly outOfOrderGroup: number;
  readonly splits: number;
  /** Infinity if there is one stretch. */
  readonly stretchEvents: number;
}

const defaultFirstEventAtMs = Date.UTC(2015, 6, 15);
const maxOutOfOrderGroup = 1_000_000;
const maxSplits = 100_000;

/** Returns the options with defaults; throws `invalid-argument`. */
export function parseGeneratorOptions(options: GeneratorOptions): ParsedGeneratorOptions {
  const { firstEventAtMs = defaultFirstEventAtMs } = options;
  if (!Number.isSafeInteger(firstEventAtMs)) {
    throw invalid(`firstEventAtMs is ${firstEventAtMs}: give milliseconds as a whole number`);
  }
  return {
    firstEventAtMs,
    intervalMicros: parseCount("intervalMicros", options.intervalMicros ?? 1_000),
    hotAuctionRatio: parseCount("hotAuctionRatio", options.hotAuctionRatio ?? 2),
    hotSellerRatio: parseCount("hotSellerRatio", options.hotSellerRatio ?? 4),
    hotBidderRatio: parseCount("hotBidderRatio", options.hotBidderRatio ?? 4),
  };
}

/** Returns the options with defaults; throws `invalid-argument`. */
export function parseNexmarkOptions(options: NexmarkOptions): ParsedNexmarkOptions {
  const generator = parseGeneratorOptions(options);
  const { events, stretchEvents } = options;
  const parsed = {
    generator,
    events: events === undefined ? Infinity : parseCount("events", events),
    outOfOrderGroup: parseCount("outOfOrderGroup", options.outOfOrderGroup ?? 1),
    splits: parseCount("splits", options.splits ?? 1),
    stretchEvents:
      stretchEvents === undefined ? Infinity : parseCount("stretchEvents", stretchEvents),
  };
  checkLimits(parsed);
  return parsed;
}

function checkLimits({
  generator: { intervalMicros },
  events,
  outOfOrderGroup,
  splits,
  stretchEvents,
}: ParsedNexmarkOptions): void {
  if (events !== Infinity && !Number.isSafeInteger(events * intervalMicros)) {
    throw invalid(`events is ${events}: their event time would not be exact, give fewer`);
  }
  if (outOfOrderGroup > maxOutOfOrderGroup) {
    throw invalid(`outOfOrderGroup is ${outOfOrderGroup}: give at most ${maxOutOfOrderGroup}`);
  }
  if (stretchEvents !== Infinity && events === Infinity) {
    throw invalid("stretchEvents needs a number of events: give events too, or leave it out");
  }
  const stretches = stretchEvents === Infinity ? 1 : Math.ceil(events / stretchEvents);
  if (splits * stretches > maxSplits) {
    throw invalid(
      `${stretches} stretches of ${splits} splits are more than ${maxSplits} splits: give a greater stretchEvents or fewer splits`,
    );
  }
}

/**
 * Returns the `watermarks` of a job's source: event time, and how much later than a newer event an
 * older one may come. Throws `invalid-argument`.
 */
export function nexmarkWatermarks(options: NexmarkOptions): {
  readonly timestamp: (event: { readonly dateTime: number }) => number;
  readonly outOfOrderness: Duration;
} {
  const { generator, outOfOrderGroup } = parseNexmarkOptions(options);
  const boundMs = Math.ceil(((outOfOrderGroup - 1) * generator.intervalMicros) / 1_000);
  return { timestamp: ({ dateTime }) => dateTime, outOfOrderness: `${boundMs} ms` };
}

function parseCount(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw invalid(`${name} is ${value}: give a positive whole number`);
}

function invalid(message: string): StreamError {
  const text = `nexmark: ${message}`;
  return new StreamError("invalid-argument", text, { domain: "user", retry: "never" });
}
