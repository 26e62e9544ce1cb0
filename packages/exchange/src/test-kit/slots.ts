import {
  noFailpoints,
  parseAttempt,
  parseJobId,
  parseLeaderEpoch,
  silentLogger,
  unlimitedPace,
  type AttemptRef,
  type FailpointName,
  type StreamError,
  type StreamNetwork,
} from "@millrace/core";

import type {
  Exchange,
  InputChannel,
  OutputGate,
  OutputPartitioning,
  StreamElement,
} from "../contract.ts";
import { createExchange } from "../exchange.ts";
import type { ExchangeOptions } from "../options.ts";
import { ManualClock } from "./memory-streams.ts";

export interface TestSlot {
  readonly exchange: Exchange;
  readonly failures: StreamError[];
  readonly clock: ManualClock;
  wakeCount: number;
  fullCount: number;
  begin(ref?: AttemptRef, channelToken?: string): void;
}

/** Returns the attempt's reference; the first leader's by default. */
export function attemptRef(attempt = 1, leaderEpoch = 1n): AttemptRef {
  return {
    jobId: parseJobId("job"),
    leaderEpoch: parseLeaderEpoch(leaderEpoch),
    attempt: parseAttempt(attempt),
  };
}

/** Returns a slot that listens and has not begun. */
export async function startSlot(
  network: StreamNetwork,
  settings: {
    readonly options?: Partial<ExchangeOptions>;
    readonly kind?: "unix" | "tcp";
    readonly failpoint?: FailpointName;
  } = {},
): Promise<TestSlot> {
  const clock = new ManualClock();
  const { failpoint } = settings;
  const exchange = await createExchange({
    network,
    clock,
    logger: silentLogger,
    hint: { kind: settings.kind ?? "unix", host: "127.0.0.1" },
    failpoints: failpoint === undefined ? noFailpoints : { isActive: (name) => name === failpoint },
    ...(settings.options === undefined ? {} : { options: settings.options }),
  });
  const slot: TestSlot = {
    exchange,
    clock,
    failures: [],
    wakeCount: 0,
    fullCount: 0,
    begin(ref = attemptRef(), channelToken = "token") {
      exchange.begin({
        ref,
        channelToken,
        onFull: () => {
          slot.fullCount += 1;
        },
        onWake: () => {
          slot.wakeCount += 1;
        },
        onFailure: (error) => slot.failures.push(error),
      });
    },
  };
  return slot;
}

/** Returns a gate from the slot to subtask i of each of the others, in order. */
export function addOutput(
  from: TestSlot,
  to: readonly TestSlot[],
  partitioning: OutputPartitioning = { kind: "rebalance" },
): OutputGate {
  return from.exchange.addOutput({
    edgeIndex: 0,
    fromIndex: 0,
    partitioning,
    targets: to.map(({ exchange }, toIndex) => ({ toIndex, dataAddress: exchange.dataAddress })),
  });
}

/** Returns the channel from subtask 0 to the slot as subtask `toIndex`. */
export function addInput(to: TestSlot, toIndex = 0): InputChannel {
  return to.exchange.addInput({ edgeIndex: 0, fromIndex: 0, toIndex });
}

/** What was read of a channel, as plain data. */
export type Read =
  | Exclude<StreamElement, { readonly kind: "records" }>
  | {
      readonly kind: "record";
      readonly value: unknown;
      readonly timestampMs: number;
      readonly hash: number;
    };

/** Uses up elements, at most so many, and returns what they were. */
export function readElements(channel: InputChannel, limit: number = Infinity): Read[] {
  const read: Read[] = [];
  for (let count = 0; count < limit; count += 1) {
    const element = channel.head();
    if (element === undefined) break;
    if (element.kind === "records") {
      element.batch.drain(
        (value, timestampMs, hash) => read.push({ kind: "record", value, timestampMs, hash }),
        unlimitedPace(),
      );
    } else read.push(element);
    channel.advance();
  }
  return read;
}

/** Returns the values of the records among what was read. */
export function valuesOf(read: readonly Read[]): readonly unknown[] {
  return read.flatMap((one) => (one.kind === "record" ? [one.value] : []));
}
