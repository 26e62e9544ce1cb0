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
