import {
  assert,
  BatchCode,
  type Clock,
  type Failpoints,
  type Listener,
  type Logger,
  type StreamError,
  type StreamHint,
  type StreamNetwork,
} from "@millrace/core";

import type {
  ChannelAddress,
  Exchange,
  ExchangeAttempt,
  InputChannel,
  OutputGate,
  OutputOptions,
} from "./contract.ts";
import { FrameMemory } from "./frame-memory.ts";
import { channelKey, describeChannel } from "./hello.ts";
import { LocalChannel } from "./local-channel.ts";
import { defaultExchangeOptions, type ExchangeOptions } from "./options.ts";
import { BroadcastOutput, PartitionedOutput } from "./output-gate.ts";
import { ReceivingChannel } from "./receiving-channel.ts";
import { decideAdmission, RemoteReceiver, type ReceiverHost } from "./remote-receiver.ts";
import { RemoteSender } from "./remote-sender.ts";
import { SendingChannel } from "./sending-channel.ts";
import { WindowBudget } from "./window-budget.ts";

export interface ExchangePorts {
  readonly network: StreamNetwork;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where to listen. */
  readonly hint: StreamHint;
  readonly failpoints: Failpoints;
  /** Those that are not the default. */
  readonly options?: Partial<ExchangeOptions>;
}

/** Returns the slot's exchange once it listens; throws `port-in-use` and what else listening does. */
export async function createExchange(ports: ExchangePorts): Promise<Exchange> {
  const exchange = new SlotExchange(ports);
  await exchange.listen();
  return exchange;
}

interface LocalPair {
  readonly local: LocalChannel;
  readonly sending: SendingChannel;
}

/**
 * The exchange of one slot, for one attempt.
 *
 * I1 A hello is answered only when the attempt is open, so data of an attempt is never early; until
 *    then it is held, bounded (S15). An older attempt's is refused, a newer one's held (S2).
 * I2 A failure is reported once; nothing is reported after disposal.
 */
class SlotExchange implements Exchange, ReceiverHost {
  readonly options: ExchangeOptions;
  readonly memory: FrameMemory = new FrameMemory();
  readonly #budget: WindowBudget;
  readonly #ports: ExchangePorts;
  readonly #connections = new Set<RemoteReceiver>();
  readonly #held = new Set<RemoteReceiver>();
  readonly #inputs = new Map<string, ReceivingChannel>();
  /** By edge: an edge has one consumer in this slot. */
  readonly #codes = new Map<number, BatchCode>();
  readonly #senders = new Map<string, RemoteSender>();
  readonly #localPairs: LocalPair[] = [];
  #listener: Listener | undefined;
  #attempt: ExchangeAttempt | undefined;
  #isOpen = false;
  #isOver = false;

  constructor(ports: ExchangePorts) {
    this.#ports = ports;
    this.options = { ...defaultExchangeOptions, ...ports.options };
    this.#budget = new WindowBudget(this.options.networkBytes);
  }

  async listen(): Promise<void> {
    const { network, hint } = this.#ports;
    this.#listener = await network.listenStreams(hint, (stream) => {
      this.#connections.add(new RemoteReceiver(stream, this));
    });
  }

  get dataAddress(): string {
    assert(this.#listener !== undefined, "the exchange listens before it is handed out");
    return this.#listener.address;
  }

  begin(attempt: ExchangeAttempt): void {
    assert(this.#attempt === undefined, "an exchange serves one attempt");
    this.#attempt = attempt;
    for (const connection of this.#held) this.#admit(connection);
  }

  addInput(address: ChannelAddress): InputChannel {
    const attempt = this.#beforeOpen();
    const key = channelKey(address);
    assert(!this.#inputs.has(key), `input ${describeChannel(address)} is added once`);
    const code = this.#codeOf(address.edgeIndex);
    const channel = new ReceivingChannel(address, this.options, {
      onWake: attempt.onWake,
      code,
      memory: this.memory,
      budget: this.#budget,
    });
    this.#inputs.set(key, channel);
    return channel;
  }

  addOutput(output: OutputOptions): OutputGate {
    const attempt = this.#beforeOpen();
    const { edgeIndex, fromIndex, partitioning } = output;
    const targets = output.targets
      .filter(({ toIndex }) => partitioning.kind !== "forward" || toIndex === fromIndex)
      .toSorted((a, b) => a.toIndex - b.toIndex);
    const Output = partitioning.kind === "broadcast" ? BroadcastOutput : PartitionedOutput;
    const gate = new Output({
      partitioning,
      fromIndex,
      channelCount: targets.length,
      onWake: attempt.onWake,
      onFull: attempt.onFull,
    });
    const hasHash = partitioning.kind === "hash";
    const channels = targets.map(({ toIndex, dataAddress }) => {
      const route = { room: gate, hasHash, dataAddress };
      return this.#addChannel({ edgeIndex, fromIndex, toIndex }, route);
    });
    gate.setChannels(channels);
    return gate;
  }

  bufferedBytes(): number {
    let sizeBytes = 0;
    for (const input of this.#inputs.values()) sizeBytes += input.bufferedBytes();
    return sizeBytes;
  }

  open(): void {
    const { ref, channelToken } = this.#beforeOpen();
    this.#isOpen = true;
    for (const sender of this.#senders.values()) {
      sender.open({ ref, channelToken, from: this.dataAddress });
    }
    for (const { local, sending } of this.#localPairs) this.#connectLocal(local, sending);
    for (const connection of this.#held) this.#admit(connection);
  }

  onHello(connection: RemoteReceiver): void {
    if (this.#isOpen) {
      this.#admit(connection);
      return;
    }
    if (this.#ports.failpoints.isActive("early-messages-dropped")) return;
    if (this.#held.size >= this.options.maxHeldHellos) connection.refuse("too many early hellos");
    else {
      this.#held.add(connection);
      this.#admit(connection);
    }
  }

  onBroken(_connection: RemoteReceiver, error: StreamError): void {
    this.#fail(error);
  }

  onGone(connection: RemoteReceiver): void {
    this.#connections.delete(connection);
    this.#held.delete(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const sender of this.#senders.values()) sender.close();
    for (const connection of this.#connections) connection.close();
    await this.#listener?.[Symbol.asyncDispose]();
  }

  /** Accepts, keeps or refuses a connection whose hello has come. */
  #admit(connection: RemoteReceiver): void {
    const hello = connection.hello();
    if (hello === undefined) return;
    const admission = decideAdmission(hello, this.#attempt);
    if (admission === "stale") {
      const { ref } = hello;
      const fields = { jobId: ref.jobId, attempt: ref.attempt, from: hello.from };
      this.#ports.logger.log("warn", "refused a stale channel hello", fields);
      connection.refuse(`attempt ${ref.attempt} of ${ref.jobId} is not the current one here`);
    } else if (admission === "current" && this.#isOpen) {
      this.#held.delete(connection);
      connection.accept(this.#inputs);
    } else if (this.#held.size < this.options.maxHeldHellos) this.#held.add(connection);
    else if (!this.#held.has(connection)) connection.refuse("too many early hellos");
  }

  #addChannel(
    address: ChannelAddress,
    route: {
      readonly room: PartitionedOutput;
      readonly hasHash: boolean;
      readonly dataAddress: string;
    },
  ): SendingChannel {
    const { room, hasHash, dataAddress } = route;
    const { options } = this;
    if (dataAddress === this.dataAddress) {
      const local = new LocalChannel(options, hasHash, this.memory);
      const sending = new SendingChannel(address, { link: local, room, options });
      this.#localPairs.push({ local, sending });
      return sending;
    }
    const sender = this.#senderTo(dataAddress);
    const link = sender.newLink(sender.channelCount(), hasHash);
    const sending = new SendingChannel(address, { link, room, options });
    sender.addChannel(sending);
    return sending;
  }

  #codeOf(edgeIndex: number): BatchCode {
    const code = this.#codes.get(edgeIndex) ?? new BatchCode();
    this.#codes.set(edgeIndex, code);
    return code;
  }

  #senderTo(address: string): RemoteSender {
    const known = this.#senders.get(address);
    if (known !== undefined) return known;
    const { network, clock } = this.#ports;
    const { options, memory } = this;
    const onFailure = (error: StreamError): void => this.#fail(error);
    const sender = new RemoteSender({ network, clock, options, memory, address, onFailure });
    this.#senders.set(address, sender);
    return sender;
  }

  #connectLocal(local: LocalChannel, sending: SendingChannel): void {
    const receiver = this.#inputs.get(channelKey(sending.address));
    assert(receiver !== undefined, `${describeChannel(sending.address)} has an input in this slot`);
    local.connect(receiver, (sizeBytes) => sending.grant(sizeBytes));
  }

  #beforeOpen(): ExchangeAttempt {
    assert(this.#attempt !== undefined, "an exchange begins an attempt first");
    assert(!this.#isOpen, "an exchange is changed before it opens");
    return this.#attempt;
  }

  #fail(error: StreamError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#attempt?.onFailure(error);
  }
}
