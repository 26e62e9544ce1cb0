/** One way to bring bytes from one process to another. */
export interface SendingFlow extends AsyncDisposable {
  /** Returns when so many bytes were handed over, in the pace of the receiver. */
  send(sizeBytes: number): Promise<void>;
}

export interface ReceivingFlow extends AsyncDisposable {
  /** Where a sending flow connects. */
  readonly address: string;
  /** Bytes that arrived as whole frames. */
  receivedBytes(): number;
}

export interface FlowOptions {
  readonly transport: "unix" | "tcp";
  readonly frameBytes: number;
}
