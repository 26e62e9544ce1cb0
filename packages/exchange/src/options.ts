/** Sizes and times of an exchange; both ends of a channel have the same. */
export interface ExchangeOptions {
  /**
   * Bytes that a channel may have under way or waiting at its receiver; up to eight times as many
   * while the receiver keeps up. Default 512 KiB.
   */
  readonly windowBytes: number;
  /** What the windows of all channels into a slot may be together. Default 64 MiB. */
  readonly networkBytes: number;
  /** A frame's first size. Default 32 KiB. */
  readonly minFrameBytes: number;
  /** What a frame grows to under load. Default 256 KiB. */
  readonly maxFrameBytes: number;
  /** A record waits no longer for its frame to fill, by the turn's clock. Default 5 ms. */
  readonly flushAfterMs: number;
  /** One encoded record; a larger one fails with `record-too-large`. Default 16 MiB. */
  readonly maxRecordBytes: number;
  /** What one user call may emit beyond a channel's credit. Default 64 MiB. */
  readonly maxOvershootBytes: number;
  /** Early hellos that are held; more are refused (S15). Default 1,024. */
  readonly maxHeldHellos: number;
  /** From connecting to the hello's reply, which waits for the receiver to open. Default 60 s. */
  readonly handshakeTimeoutMs: number;
  /** Whether channels within the slot go through the codec too, so that a record which cannot be
   * encoded shows at once. Default true. */
  readonly encodeLocal: boolean;
}

export const defaultExchangeOptions: ExchangeOptions = {
  windowBytes: 512 * 1024,
  networkBytes: 64 * 1024 * 1024,
  minFrameBytes: 32 * 1024,
  maxFrameBytes: 256 * 1024,
  flushAfterMs: 5,
  maxRecordBytes: 16 * 1024 * 1024,
  maxOvershootBytes: 64 * 1024 * 1024,
  maxHeldHellos: 1_024,
  handshakeTimeoutMs: 60_000,
  encodeLocal: true,
};

/**
 * What the largest frame of records can hold: a full frame, one more record, and the timestamps of
 * all (8 bytes where a record counts 4), should it be the last one that makes them differ.
 */
export function maxRecordsFrameBytes(options: ExchangeOptions): number {
  return options.maxRecordBytes + 3 * options.maxFrameBytes + 64 * 1_024;
}
