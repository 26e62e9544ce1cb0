/* The receiving process of `exchange.ts`: opens what it is told to and says what arrived. */
import type { FlowOptions, ReceivingFlow } from "./flow.ts";
import { listenPlain } from "./plain-socket.ts";
import { listenRecords } from "./record-flow.ts";

/** What the process is asked for. */
export type Request =
  | { readonly kind: "open"; readonly flow: "plain" | "records"; readonly options: FlowOptions }
  /** Answered once so many bytes have arrived. */
  | { readonly kind: "await"; readonly totalBytes: number }
  | { readonly kind: "close" };

export interface Answer {
  readonly address: string;
  /** CPU time of the process so far. */
  readonly cpuMicros: number;
}

let flow: ReceivingFlow | undefined;

process.on("message", (request: Request) => {
  void answer(request).then((made) => process.send?.(made));
});

async function answer(request: Request): Promise<Answer> {
  if (request.kind === "open") {
    const listen = request.flow === "plain" ? listenPlain : listenRecords;
    flow = await listen(request.options);
  } else if (request.kind === "await") {
    while ((flow?.receivedBytes() ?? 0) < request.totalBytes) {
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
    }
  } else await flow?.[Symbol.asyncDispose]();
  const { user, system } = process.cpuUsage();
  return { address: flow?.address ?? "", cpuMicros: user + system };
}
