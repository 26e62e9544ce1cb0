export type {
  ChannelAddress,
  ConsumeRecord,
  Exchange,
  ExchangeAttempt,
  InputChannel,
  OutputGate,
  OutputOptions,
  OutputPartitioning,
  RecordBatch,
  StreamElement,
} from "./contract.ts";
export { createExchange, type ExchangePorts } from "./exchange.ts";
export { defaultExchangeOptions, type ExchangeOptions } from "./options.ts";
export { createSocketNetwork, type SocketNetworkOptions } from "./socket-network.ts";
