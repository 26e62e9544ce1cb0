import {
  parseAttempt,
  parseJobId,
  parseLeaderEpoch,
  valueFormatVersion,
  type AttemptRef,
} from "@millrace/core";

import type { ChannelAddress } from "./contract.ts";
import { brokenFrame, maxChannelsPerConnection } from "./frame.ts";

/** Raised when frames or records change; both ends must have the same. */
const exchangeProtocolVersion = 1;

export const maxHelloBytes: number = 1024 * 1024;

/** The first thing that a sender says: who it is, for which attempt, and which channels follow. */
export interface Hello {
  readonly ref: AttemptRef;
  readonly channelToken: string;
  /** The sender's own data address: for messages. */
  readonly from: string;
  /** A channel's number on this connection is its index here. */
  readonly channels: readonly ChannelAddress[];
}

/** Returns the hello's payload: JSON, so that another version can be told by name. */
export function encodeHello(hello: Hello): Uint8Array {
  const { ref, channelToken, from, channels } = hello;
  const text = JSON.stringify({
    protocolVersion: exchangeProtocolVersion,
    valueFormatVersion,
    jobId: ref.jobId,
    leaderEpoch: String(ref.leaderEpoch),
    attempt: ref.attempt,
    channelToken,
    from,
    channels: channels.map(({ edgeIndex, fromIndex, toIndex }) => [edgeIndex, fromIndex, toIndex]),
  });
  return new TextEncoder().encode(text);
}

/** Returns the hello; throws `channel-broken` for anything else, also for another version's. */
export function parseHello(payload: Uint8Array): Hello {
  const fields = parseJson(payload);
  const version = fields["protocolVersion"];
  if (version !== exchangeProtocolVersion || fields["valueFormatVersion"] !== valueFormatVersion) {
    throw brokenFrame(
      `a hello of version ${String(version)} came, ours is ${exchangeProtocolVersion}`,
    );
  }
  const leaderEpoch = textField(fields, "leaderEpoch");
  if (!/^\d{1,20}$/.test(leaderEpoch)) throw brokenFrame("a hello's leader epoch is no number");
  return {
    ref: {
      jobId: parseJobId(textField(fields, "jobId")),
      leaderEpoch: parseLeaderEpoch(BigInt(leaderEpoch)),
      attempt: parseAttempt(Number(fields["attempt"])),
    },
    channelToken: textField(fields, "channelToken"),
    from: textField(fields, "from"),
    channels: parseChannels(fields["channels"]),
  };
}

/** Whether `a` is older than `b` (-1), the same (0) or newer (1), as S2 orders them. */
export function compareRefs(a: AttemptRef, b: AttemptRef): -1 | 0 | 1 {
  if (a.leaderEpoch !== b.leaderEpoch) return a.leaderEpoch < b.leaderEpoch ? -1 : 1;
  if (a.attempt !== b.attempt) return a.attempt < b.attempt ? -1 : 1;
  return 0;
}

/** Returns a channel's name in messages. */
export function describeChannel({ edgeIndex, fromIndex, toIndex }: ChannelAddress): string {
  return `edge ${edgeIndex}, subtask ${fromIndex} to ${toIndex}`;
}

/** Returns what a channel is found by in a Map. */
export function channelKey({ edgeIndex, fromIndex, toIndex }: ChannelAddress): string {
  return `${edgeIndex}/${fromIndex}/${toIndex}`;
}

function parseJson(payload: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    throw brokenFrame("a hello is not JSON");
  }
  if (!isFields(value)) throw brokenFrame("a hello has no fields");
  return value;
}

function textField(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw brokenFrame(`a hello's ${name} is no text`);
  return value;
}

function parseChannels(value: unknown): readonly ChannelAddress[] {
  if (!Array.isArray(value) || value.length > maxChannelsPerConnection) {
    throw brokenFrame("a hello's channels are no list");
  }
  return value.map((entry: unknown) => {
    const [edgeIndex, fromIndex, toIndex] = Array.isArray(entry) ? entry.map(Number) : [];
    if (!isIndex(edgeIndex) || !isIndex(fromIndex) || !isIndex(toIndex)) {
      throw brokenFrame("a hello's channel is not three indexes");
    }
    return { edgeIndex, fromIndex, toIndex };
  });
}

function isIndex(value: number | undefined): value is number {
  return value !== undefined && Number.isSafeInteger(value) && value >= 0;
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
