/** A later turn of the event loop, so that I/O gets its share between slices of work. */
export interface Turn {
  /** Calls back in a later turn; callbacks keep their order. */
  post(callback: () => void): void;
}
