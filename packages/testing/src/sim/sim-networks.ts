import {
  fromFailureData,
  StreamError,
  toFailureData,
  type ByteStream,
  type CallRequest,
  type ControlNetwork,
  type ControlService,
  type FailureData,
  type MessageSession,
  type StreamNetwork,
} from "@millrace/core";
import { decodeWorkerMessage } from "@millrace/rpc";

import type { SeededRandom } from "./seeded-random.ts";
import type { SimConnectionEnd } from "./sim-connection.ts";
import type { SimFabric } from "./sim-fabric.ts";
import type { SimProcess } from "./sim-process.ts";

/** Returns the control network as the process sees it. */
export function createSimControlNetwork(fabric: SimFabric, process: SimProcess): ControlNetwork {
  const opened = new Repeater(fabric, process, () => true);
  return {
    async serve(address, service) {
      const listener = fabric.listen(address, {
        process,
        accept: (end, opening) => {
          const repeater = new Repeater(fabric, process, isOfAttempt);
          if (opening.kind === "session") service.onSession(toMessageSession(end, repeater));
          else if (opening.kind === "call") answerCall(end, opening.method, service);
        },
      });
      return toListener(address, listener);
    },
    openSession: (address) =>
      toMessageSession(fabric.connect(process, address, { kind: "session" }), opened),
    call: (address, request) => makeCall({ fabric, process, address }, request),
  };
}

/** Returns byte streams between slots; what arrives is torn at random places. */
export function createSimStreamNetwork(
  fabric: SimFabric,
  process: SimProcess,
  random: SeededRandom,
): StreamNetwork {
  return {
    listenStreams(_hint, onStream) {
      const address = fabric.newAddress(process.name);
      const listener = fabric.listen(address, {
        process,
        accept: (end) => onStream(toByteStream(end, random)),
      });
      return Promise.resolve(toListener(address, listener));
    },
    openStream: (address) =>
      toByteStream(fabric.connect(process, address, { kind: "stream" }), random),
  };
}

function toListener(address: string, listener: Disposable) {
  return {
    address,
    [Symbol.asyncDispose]: () => {
      listener[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

type TakeMessage = (message: Uint8Array) => void;

/**
 * Gives what a session hears a second time, later (F9), but for its first message: to the newest of
 * the sessions that share a repeater, so that a worker hears words of an attempt that is over.
 */
class Repeater {
  readonly #fabric: SimFabric;
  readonly #process: SimProcess;
  readonly #canRepeat: (message: Uint8Array) => boolean;
  #newest: TakeMessage | undefined;

  constructor(fabric: SimFabric, process: SimProcess, canRepeat: (message: Uint8Array) => boolean) {
    this.#fabric = fabric;
    this.#process = process;
    this.#canRepeat = canRepeat;
  }

  /** Returns what the session's messages go through from now on. */
  wrap(take: TakeMessage): TakeMessage {
    this.#newest = take;
    let isFirst = true;
    return (message) => {
      if (!isFirst) this.#repeatLater(message.slice());
      isFirst = false;
      take(message);
    };
  }

  /** The session is over. */
  end(take: TakeMessage): void {
    if (this.#newest === take) this.#newest = undefined;
  }

  #repeatLater(message: Uint8Array): void {
    const delayMs = this.#fabric.drawRepeatMs();
    if (delayMs === undefined || !this.#canRepeat(message)) return;
    this.#process.post(delayMs, "repeat", () => this.#newest?.(message));
  }
}

/** A worker says again what it says of an attempt, never what it says of itself. */
function isOfAttempt(message: Uint8Array): boolean {
  return "ref" in decodeWorkerMessage(message);
}

function toMessageSession(end: SimConnectionEnd, repeater: Repeater): MessageSession {
  return {
    peer: end.peerName,
    setHandlers: (handlers) => {
      const take = (message: Uint8Array): void => handlers.onMessage(message);
      end.setHandlers({
        onData: repeater.wrap(take),
        onDrain: () => {},
        onClose: (cause) => {
          repeater.end(take);
          handlers.onClose(cause);
        },
      });
    },
    send: (message) => end.send(message.slice()),
    bufferedBytes: () => end.bufferedBytes(),
    close: () => end.end(),
  };
}

function toByteStream(end: SimConnectionEnd, random: SeededRandom): ByteStream {
  return {
    peer: end.peerName,
    setHandlers: (handlers) => end.setHandlers(handlers),
    write: (chunks) => {
      for (const piece of tear(concat(chunks), random)) end.send(piece);
    },
    bufferedBytes: () => end.bufferedBytes(),
    end: () => end.end(),
    destroy: () => end.reset(`destroyed by ${end.process.name}`),
  };
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.length;
  }
  return all;
}

function* tear(bytes: Uint8Array, random: SeededRandom): Iterable<Uint8Array> {
  let start = 0;
  while (start < bytes.length) {
    const isTorn = random.chance(0.2);
    const end = isTorn ? start + 1 + random.below(bytes.length - start) : bytes.length;
    yield bytes.slice(start, end);
    start = end;
  }
}

function answerCall(end: SimConnectionEnd, method: string, service: ControlService): void {
  end.setHandlers({
    onData: (message) => {
      onCallOf(service, method, message).then(
        (response) => end.send(frameAnswer(0, response)),
        (error: unknown) => {
          const failure = new TextEncoder().encode(JSON.stringify(toFailureData(error)));
          end.send(frameAnswer(1, failure));
        },
      );
    },
    onDrain: () => {},
    onClose: () => {},
  });
}

/** A service that throws before its first await fails the call too. */
async function onCallOf(
  service: ControlService,
  method: string,
  message: Uint8Array,
): Promise<Uint8Array> {
  return service.onCall(method, message);
}

function frameAnswer(status: 0 | 1, body: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(status), body]);
}

function makeCall(
  from: { readonly fabric: SimFabric; readonly process: SimProcess; readonly address: string },
  request: CallRequest,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const end = from.fabric.connect(from.process, from.address, {
      kind: "call",
      method: request.method,
    });
    const deadline = from.process.clock().schedule(request.deadlineMs, () => {
      end.end();
      reject(unavailable("deadline-exceeded", `no answer to ${request.method} in time`));
    });
    end.setHandlers({
      onData: (answer) => {
        deadline[Symbol.dispose]();
        end.end();
        if (answer[0] === 0) resolve(answer.subarray(1));
        else reject(parseFailure(answer.subarray(1)));
      },
      onDrain: () => {},
      onClose: (cause) => {
        deadline[Symbol.dispose]();
        reject(unavailable("unavailable", cause?.message ?? "the call was ended"));
      },
    });
    end.send(request.message);
  });
}

function parseFailure(bytes: Uint8Array): StreamError {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by answerCall above
  return fromFailureData(JSON.parse(new TextDecoder().decode(bytes)) as FailureData);
}

function unavailable(code: "unavailable" | "deadline-exceeded", message: string): StreamError {
  return new StreamError(code, message, { domain: "external", retry: "backoff" });
}
