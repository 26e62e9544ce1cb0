import type { PeerIdentity } from "../security/peer-identity.ts";

/**
 * Control sessions and calls: whole encoded messages. gRPC is one adapter (`rpc`), the simulation
 * has its own.
 *
 * No handler may throw. After `onClose` nothing else is called. A handler is set once, right after
 * the session or stream is handed out; what arrives before that is held.
 */
export interface ControlNetwork {
  /** Serves control sessions and calls at `host:port` (port 0 chooses one); throws `port-in-use`. */
  serve(address: string, service: ControlService): Promise<Listener>;
  /** Opens a control session. It is returned before it is connected; failure arrives as onClose. */
  openSession(address: string): MessageSession;
  /** Makes one call; throws what the service threw, or `unavailable` / `deadline-exceeded`. */
  call(address: string, request: CallRequest): Promise<Uint8Array>;
}

/** Byte streams between slots; they may tear anywhere. Sockets are one adapter (`exchange`). */
export interface StreamNetwork {
  /** Accepts byte streams at an address that the adapter chooses from the hint (`unix` or `tcp`). */
  listenStreams(hint: StreamHint, onStream: (stream: ByteStream) => void): Promise<Listener>;
  /** Opens a byte stream to a listener's address; failure arrives as onClose. */
  openStream(address: string): ByteStream;
}

export interface CallRequest {
  /** A method of the job service, such as `SubmitJob`. */
  readonly method: string;
  readonly message: Uint8Array;
  readonly deadlineMs: number;
}

export interface ControlService {
  /** A network that knows nothing of its peers, such as the simulation's, gives no caller. */
  onSession(session: MessageSession, caller?: Caller): void;
  onCall(method: string, message: Uint8Array, caller?: Caller): Promise<Uint8Array>;
  /**
   * Throws to refuse a call, or with `session` a session, before anything of it is received, so that
   * strangers cost no memory. A network without such a moment leaves it out: the others decide anyway.
   */
  admit?(what: { readonly method: string } | "session", caller: Caller): void;
}

/** Who opened a session or made a call, as far as the network can tell. */
export interface Caller {
  /** Host and port, for logs. */
  readonly peer: string;
  /** Without the port: what failures are counted by. */
  readonly host: string;
  /** Whether the connection is TLS. */
  readonly isEncrypted: boolean;
  /** What the certificate that it showed says; absent: none, or not one to believe. */
  readonly identity?: PeerIdentity;
  /** Why there is no identity, in a sentence, if the connection is TLS. */
  readonly identityProblem?: string;
  /** What a call showed as bearer token. */
  readonly token?: string;
}

export interface StreamHint {
  readonly kind: "unix" | "tcp";
  /** For tcp: the host to bind. */
  readonly host: string;
}

export interface Listener extends AsyncDisposable {
  /** What a peer passes to openSession, call or openStream. */
  readonly address: string;
}

/** A FIFO of whole messages in both directions; loses none in the middle: it breaks instead. */
export interface MessageSession {
  /** What is behind the other end, for logs. */
  readonly peer: string;
  setHandlers(handlers: MessageSessionHandlers): void;
  send(message: Uint8Array): void;
  /** Bytes handed to send that have not left yet. */
  bufferedBytes(): number;
  close(): void;
}

export interface MessageSessionHandlers {
  onMessage(message: Uint8Array): void;
  /** The session ended; `cause` says why when it broke. Called once, never after own close(). */
  onClose(cause: Error | undefined): void;
}

/** A FIFO of bytes in both directions. */
export interface ByteStream {
  readonly peer: string;
  /**
   * Whether bytes arrive as they were written or not at all: they never leave the machine's memory, or
   * a cipher vouches for them. Known once the other end has said something; absent: nobody vouches.
   */
  readonly guardsBytes?: boolean;
  setHandlers(handlers: ByteStreamHandlers): void;
  /**
   * Takes the buffers over, in order, as one vectored write. An adapter that can tell calls
   * `onTaken` once the system has copied them: then they may be used again.
   */
  write(chunks: readonly Uint8Array[], onTaken?: () => void): void;
  /** Bytes handed to write that the operating system has not taken yet. */
  bufferedBytes(): number;
  /** Says that no more follows; the other end gets onClose with a clean end. */
  end(): void;
  destroy(): void;
}

export interface ByteStreamHandlers {
  /** The chunk belongs to the receiver. */
  onData(chunk: Uint8Array): void;
  /** bufferedBytes has come down to 0 again. */
  onDrain(): void;
  /** Nothing follows. A clean end has no cause; whether the end was due is the protocol's matter. */
  onClose(cause: Error | undefined): void;
}
