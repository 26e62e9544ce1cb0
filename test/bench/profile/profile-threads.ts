/**
 * CPU profiles of the worker threads of a running Node process, over its inspector, which SIGUSR1 opens.
 * `node --cpu-prof` does not give them: it writes a thread's profile when the thread ends by itself,
 * and a slot thread is terminated.
 */
import { setTimeout as delay } from "node:timers/promises";

export interface ThreadProfile {
  /** As the thread was named, such as `slot-0`. */
  readonly thread: string;
  /** A `.cpuprofile`: JSON. */
  readonly text: string;
}

export interface ProfileOptions {
  /** The inspector's WebSocket, as the process prints it when it opens. */
  readonly url: string;
  readonly durationMs: number;
  /** Between two samples. */
  readonly intervalUs?: number;
}

const answerMs = 30_000;

/** Returns a profile of each worker thread that the process has at the beginning. */
export async function profileThreads(options: ProfileOptions): Promise<readonly ThreadProfile[]> {
  const { url, durationMs, intervalUs = 500 } = options;
  using inspector = await Inspector.connect(url);
  const threads = await inspector.attachThreads();
  for (const { sessionId } of threads) {
    await inspector.callThread(sessionId, "Profiler.enable", {});
    await inspector.callThread(sessionId, "Profiler.setSamplingInterval", { interval: intervalUs });
    await inspector.callThread(sessionId, "Profiler.start", {});
  }
  await delay(durationMs);
  const profiles: ThreadProfile[] = [];
  for (const { sessionId, title } of threads) {
    const result = await inspector.callThread(sessionId, "Profiler.stop", {});
    profiles.push({ thread: title, text: JSON.stringify(fieldOf(result, "profile")) });
  }
  return profiles;
}

interface Thread {
  readonly sessionId: string;
  readonly title: string;
}

/** A session with the inspector of a process: https://chromedevtools.github.io/devtools-protocol, NodeWorker is Node's. */
class Inspector implements Disposable {
  readonly #socket: WebSocket;
  readonly #threads: Thread[] = [];
  /** Calls without an answer, by number; numbers are not used twice, neither by threads. */
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  #lastNumber = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#receive(String(data)));
  }

  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    const opened = Promise.withResolvers<void>();
    socket.addEventListener("open", () => opened.resolve());
    socket.addEventListener("error", () =>
      opened.reject(new Error(`no inspector answers at ${url}`)),
    );
    await opened.promise;
    return new Inspector(socket);
  }

  /** Returns the threads that there are now; each comes as an event before the call is answered. */
  async attachThreads(): Promise<readonly Thread[]> {
    await this.#call("NodeWorker.enable", { waitForDebuggerOnStart: false });
    return [...this.#threads];
  }

  /** Calls a method in a thread and returns its result. */
  async callThread(sessionId: string, method: string, params: object): Promise<unknown> {
    const { number, answer } = this.#expect(method);
    const message = JSON.stringify({ id: number, method, params });
    await this.#call("NodeWorker.sendMessageToWorker", { sessionId, message });
    return answer;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #call(method: string, params: object): Promise<unknown> {
    const { number, answer } = this.#expect(method);
    this.#socket.send(JSON.stringify({ id: number, method, params }));
    return answer;
  }

  #expect(method: string): { readonly number: number; readonly answer: Promise<unknown> } {
    const number = (this.#lastNumber += 1);
    const call = Promise.withResolvers<unknown>();
    this.#calls.set(number, call);
    const timer = setTimeout(
      () => call.reject(new Error(`the inspector did not answer ${method}`)),
      answerMs,
    );
    return { number, answer: call.promise.finally(() => clearTimeout(timer)) };
  }

  #receive(text: string): void {
    const message: unknown = JSON.parse(text);
    const params = fieldOf(message, "params");
    switch (fieldOf(message, "method")) {
      case "NodeWorker.attachedToWorker": {
        const title = String(fieldOf(fieldOf(params, "workerInfo"), "title"));
        this.#threads.push({ sessionId: String(fieldOf(params, "sessionId")), title });
        return;
      }
      case "NodeWorker.receivedMessageFromWorker":
        this.#receive(String(fieldOf(params, "message")));
        return;
      default:
    }
    const number = fieldOf(message, "id");
    if (typeof number !== "number") return;
    const error = fieldOf(message, "error");
    if (error === undefined) this.#calls.get(number)?.resolve(fieldOf(message, "result"));
    else this.#calls.get(number)?.reject(new Error(JSON.stringify(error)));
    this.#calls.delete(number);
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
