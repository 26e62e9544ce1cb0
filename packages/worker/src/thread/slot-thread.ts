import { parentPort, workerData } from "node:worker_threads";

import { assert, noFailpoints, StreamError, toFailureData, type Logger } from "@millrace/core";
import { createExchange, createSocketNetwork, type Exchange } from "@millrace/exchange";
import {
  createNodeClock,
  createNodeDigest,
  createNodeDisk,
  createNodeRandom,
  createNodeTurn,
  createPinoLogger,
} from "@millrace/platform";
import { createHeapBackend } from "@millrace/state";

import { loadGuardedJob } from "../slot/module-guard.ts";
import { runSlot } from "../slot/run-slot.ts";
import type { SlotCommand } from "../slot/slot-messages.ts";
import type { SlotPorts } from "../slot/slot-ports.ts";
import type { SlotPort } from "../slot/task-host.ts";
import { readMemory, watchMemory } from "./memory-watch.ts";
import {
  progressCells,
  type SlotThreadData,
  type SlotThreadMessage,
  type TlsRenewal,
} from "./thread-protocol.ts";
import { toPostedEvent } from "./transfer.ts";

// The body of a slot thread: an entry of its own, no module imports it. It gives the slot its real
// ports and turns whatever nobody caught into a failure of the attempt, before the thread ends.
assert(parentPort !== null, "slot-thread runs only as a worker thread");
const parent = parentPort;
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- codec: our host wrote it
const data = workerData as SlotThreadData;
/** Between two looks at the slot's memory, for its worker's metrics. */
const memoryIntervalMs = 1_000;
/** The slot's one; until then it has none. */
let exchange: Exchange | undefined;
let { tls } = data;
// The author's module can import `workerData` too.
delete data.tls;
const logger = createPinoLogger({
  level: data.logLevel,
  fields: { workerId: data.workerId, slotIndex: data.slotIndex },
});

// Stacks name the lines of the author's module, not of its bundle.
process.setSourceMapsEnabled(true);
process.on("uncaughtException", (error, origin) => endThread(toUncaught(error, origin)));
if (data.memoryMb !== undefined) watchMemory(data.memoryMb, endThread);
setInterval(() => publishMemory(new Int32Array(data.progress)), memoryIntervalMs).unref();
runSlot(createPort(), createPorts(logger)).catch(endThread);

function createPort(): SlotPort {
  const progress = new Int32Array(data.progress);
  return {
    send: (event) => {
      const { message, transfer } = toPostedEvent(event);
      parent.postMessage({ kind: "event", event: message } satisfies SlotThreadMessage, transfer);
    },
    setHandler: (onCommand) => {
      parent.on("message", (message: SlotCommand | TlsRenewal) => {
        if (message.kind === "renew-tls") ({ tls } = message);
        else onCommand(message);
      });
    },
    markTurn: (isBusy) => {
      Atomics.store(progress, progressCells.taskIndex, -1);
      Atomics.add(progress, progressCells.turns, 1);
      Atomics.store(progress, progressCells.isBusy, isBusy ? 1 : 0);
    },
    markTask: (taskIndex) => {
      Atomics.store(progress, progressCells.taskIndex, taskIndex);
    },
  };
}

function publishMemory(cells: Int32Array): void {
  const { heapBytes, bufferBytes } = readMemory();
  Atomics.store(cells, progressCells.heapKib, heapBytes / 1024);
  Atomics.store(cells, progressCells.bufferKib, bufferBytes / 1024);
  Atomics.store(cells, progressCells.inputKib, (exchange?.bufferedBytes() ?? 0) / 1024);
}

function createPorts(log: Logger): SlotPorts {
  const clock = createNodeClock();
  const first = tls;
  return {
    clock,
    turn: createNodeTurn(),
    random: createNodeRandom(),
    disk: createNodeDisk(),
    digest: createNodeDigest(),
    logger: log,
    failpoints: noFailpoints,
    loadJob: loadGuardedJob,
    createKeyedBackend: createHeapBackend,
    readCpuMs,
    openExchange: async () => {
      exchange = await createExchange({
        network: createSocketNetwork({
          ...(first === undefined ? {} : { readTls: () => tls ?? first }),
          onRefused: ({ message }) => log.log("warn", "refused a connection", { cause: message }),
        }),
        clock,
        logger: log,
        hint: data.hint,
        failpoints: noFailpoints,
        options: {
          encodeLocal: data.encodeLocal,
          ...(data.networkMb === undefined ? {} : { networkBytes: data.networkMb * 2 ** 20 }),
        },
      });
      return exchange;
    },
  };
}

function readCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** An error that is not one of ours can only come from the job's code or what it calls. */
function toUncaught(error: Error, origin: string): Error {
  if (error instanceof StreamError || error.name === "InvariantError") return error;
  const what = origin === "unhandledRejection" ? "a promise was rejected" : "an error was thrown";
  return new StreamError(
    "user-function-failed",
    `${what} in slot ${data.slotIndex} and nothing in the job caught it: ${error.name}: ${error.message}`,
    { domain: "user", retry: "never", cause: error },
  );
}

function endThread(error: unknown): void {
  parent.postMessage({ kind: "fatal", failure: toFailureData(error) } satisfies SlotThreadMessage);
  process.exit(1);
}
