import { fork, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

import type { ChunkReport, ChunkRequest } from "./sim-chunk.ts";

/**
 * Runs the requests in processes, one for each core and request at most; calls back with each report
 * as it comes. Rejects if a process ends before its report.
 */
export async function runChunks(
  requests: readonly ChunkRequest[],
  onReport: (report: ChunkReport, request: ChunkRequest) => void,
): Promise<void> {
  const waiting = [...requests];
  const work = async (): Promise<void> => {
    const child = fork(fileURLToPath(new URL("./sim-chunk.ts", import.meta.url)), {
      execArgv: ["--conditions=@millrace/source"],
      serialization: "advanced",
    });
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        onReport(await runIn(child, next), next);
      }
    } finally {
      child.kill();
    }
  };
  const count = Math.min(availableParallelism(), requests.length);
  await Promise.all(Array.from({ length: count }, work));
}

function runIn(child: ChildProcess, request: ChunkRequest): Promise<ChunkReport> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => {
      reject(new Error(`a process of the simulation ended with code ${code}`));
    };
    child.once("exit", onExit);
    child.once("message", (report: ChunkReport) => {
      child.off("exit", onExit);
      resolve(report);
    });
    child.send(request);
  });
}
