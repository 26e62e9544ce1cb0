import type { ChannelOptions } from "@grpc/grpc-js";

/** A message of a session or call is refused above this; a bundle of 64 MiB fits. */
const maxMessageBytes = 80 * 1024 * 1024;

export const channelOptions: ChannelOptions = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
  // Our own heartbeats decide whether a peer is alive; keepalive finds half-open connections.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
};
