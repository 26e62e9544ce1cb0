import type { ChannelOptions } from "@grpc/grpc-js";

const mebibyte = 1024 * 1024;

/** Of a session's message, and of every call that carries no bundle. */
export const maxMessageBytes: number = 16 * mebibyte;
/** Of the call that carries a bundle of at most 64 MiB, its plan and its parameters. */
const maxSubmissionBytes: number = 80 * mebibyte;

export const channelOptions: ChannelOptions = {
  "grpc.max_receive_message_length": maxSubmissionBytes,
  "grpc.max_send_message_length": maxSubmissionBytes,
  // Our own heartbeats decide whether a peer is alive; keepalive finds half-open connections.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  // A proxy for the web, found in the environment, does not lead to a coordinator.
  "grpc.enable_http_proxy": 0,
};
