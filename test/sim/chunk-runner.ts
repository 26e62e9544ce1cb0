import { fork, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

import type { UncoveredLines } from "./line-coverage.ts";
import type { ChunkAnswer, ChunkReport, ChunkRequest } from "./sim-chunk.ts";

/**
 * Runs the requests in processes, one for each core and request at most; calls back with each report
 * as it comes, and returns the uncovered lines of each process. Rejects if one ends too early.
 */
export async function runChunks(
  requests: readonly ChunkRequest[],
  onReport: (report: ChunkReport, request: ChunkRequest) => void,
): Promise<readonly UncoveredLines[]> {
  const waiting = [...requests];
  const uncovered: UncoveredLines[] = [];
  const work = async (): Promise<void> => {
    const child = fork(fileURLToPath(new URL("./sim-chunk.ts", import.meta.url)), {
      execArgv: ["--conditions=@millrace/source"],
      serialization: "advanced",
    });
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const answer = await ask(child, next);
        if (answer.kind === "report") onReport(answer.report, next);
      }
      const last = await ask(child, "coverage");
      if (last.kind === "coverage") uncovered.push(last.uncovered);
    } finally {
      child.kill();
    }
  };
  const count = Math.min(availableParallelism(), requests.length);
  await Promise.all(Array.from({ length: count }, work));
  return uncovered;
}

function ask(child: ChildProcess, request: ChunkRequest | "coverage"): Promise<ChunkAnswer> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => {
      reject(new Error(`a process of the simulation ended with code ${code}`));
    };
    child.once("exit", onExit);
    child.once("message", (answer: ChunkAnswer) => {
      child.off("exit", onExit);
      resolve(answer);
    });
    child.send(request);
  });
}
