import {
  noFailpoints,
  parseAttempt,
  parseJobId,
  parseLeaderEpoch,
  silentLogger,
  type Clock,
} from "@millrace/core";
import { createExchange, createSocketNetwork, type Exchange } from "@millrace/exchange";

import type { FlowOptions, ReceivingFlow, SendingFlow } from "./flow.ts";

/** Large, so that the frames are what is measured, and not the codec. */
const recordBytes = 4_096;

const clock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  schedule: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** Returns a sender of byte records through an output gate that turns as a slot does. */
export async function openRecordSender(
  address: string,
  options: FlowOptions,
): Promise<SendingFlow> {
  const exchange = await listen(options);
  let wake = (): void => {};
  begin(exchange, () => wake());
  const gate = exchange.addOutput({
    edgeIndex: 0,
    fromIndex: 0,
    targets: [{ toIndex: 0, dataAddress: address }],
    partitioning: { kind: "rebalance" },
  });
  exchange.open();
  const record = new Uint8Array(recordBytes).fill(97);
  return {
    async send(sizeBytes) {
      let sent = 0;
      while (sent < sizeBytes) {
        for (; sent < sizeBytes && gate.hasRoom(); sent += recordBytes) gate.emit(record, 0);
        gate.flush(clock.monotonicMs(), sent >= sizeBytes);
        if (gate.hasRoom()) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        await nextTurn();
      }
    },
    [Symbol.asyncDispose]: () => exchange[Symbol.asyncDispose](),
  };
}

/** Returns a receiver that takes frames from its channel and leaves them encoded. */
export async function listenRecords(options: FlowOptions): Promise<ReceivingFlow> {
  const exchange = await listen(options);
  let receivedBytes = 0;
  let isPosted = false;
  begin(exchange, () => {
    if (isPosted) return;
    isPosted = true;
    setImmediate(takeAll);
  });
  const channel = exchange.addInput({ edgeIndex: 0, fromIndex: 0, toIndex: 0 });
  function takeAll(): void {
    isPosted = false;
    for (let element = channel.head(); element !== undefined; element = channel.head()) {
      if (element.kind === "records") receivedBytes += element.batch.recordCount * recordBytes;
      channel.advance();
    }
  }
  exchange.open();
  return {
    address: exchange.dataAddress,
    receivedBytes: () => receivedBytes,
    [Symbol.asyncDispose]: () => exchange[Symbol.asyncDispose](),
  };
}

function listen({ transport, frameBytes }: FlowOptions): Promise<Exchange> {
  return createExchange({
    network: createSocketNetwork(),
    clock,
    logger: silentLogger,
    hint: { kind: transport, host: "127.0.0.1" },
    failpoints: noFailpoints,
    options: { minFrameBytes: frameBytes, maxFrameBytes: frameBytes },
  });
}

function begin(exchange: Exchange, onWake: () => void): void {
  exchange.begin({
    ref: {
      jobId: parseJobId("bench"),
      leaderEpoch: parseLeaderEpoch(1n),
      attempt: parseAttempt(1),
    },
    channelToken: "bench",
    onWake,
    onFull: () => {},
    // The other end is closed first.
    onFailure: () => {},
  });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
