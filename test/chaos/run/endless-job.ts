import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { ChaosCluster } from "../cluster/chaos-cluster.ts";
import type { SeededRandom } from "../faults/seeded-random.ts";
import type { InputLayout } from "../job/input-layout.ts";

export interface EndlessJobOptions {
  readonly flightsFile: string;
  /** Of the run. */
  readonly folder: string;
  readonly parallelism: number;
  readonly rowsPerSecond: number;
  readonly splitRows: number;
  /** More than the run will read. */
  readonly loopCount: number;
  readonly checkpointMs: number;
}

/** The job while it runs. */
export interface EndlessJob {
  readonly jobId: string;
  readonly outputFolder: string;
  /** Names the last row, a little ahead of the readers, and returns how many rows that makes. */
  setLastRow(layout: InputLayout, random: SeededRandom): Promise<number>;
}

/** Submits the job and returns it. */
export async function submitEndlessJob(
  cluster: ChaosCluster,
  options: EndlessJobOptions,
): Promise<EndlessJob> {
  const { flightsFile, folder, parallelism, rowsPerSecond, splitRows, loopCount } = options;
  const control = join(folder, "control");
  const out = join(folder, "out");
  await mkdir(control, { recursive: true });
  const params = [
    `flights=${flightsFile}`,
    `control=${control}`,
    `out=${out}`,
    `loops=${loopCount}`,
    `splitRows=${splitRows}`,
    `rate=${rowsPerSecond}`,
    `checkpointMs=${options.checkpointMs}`,
  ];
  const answer = await cluster.command(
    "run",
    "test/chaos/job/endless-delays.ts",
    "--detach",
    "--parallelism",
    String(parallelism),
    ...params.flatMap((param) => ["--param", param]),
  );
  const jobId = readJobId(answer);
  return {
    jobId,
    outputFolder: join(out, jobId),
    setLastRow: async (layout, random) => {
      const opened = (await readdir(join(control, "marks"))).map(Number);
      // Readers open the next splits while this is written; a split takes seconds.
      const split = Math.max(-1, ...opened) + 1 + parallelism;
      if (split >= loopCount * layout.splitsOfFile)
        throw new Error("the input has come to its end");
      const lastRow = Math.floor(
        random.between(layout.firstRow(split) + 1, layout.firstRow(split + 1)),
      );
      // At once, never half of it.
      await writeFile(join(control, "last-row.new"), String(lastRow));
      await rename(join(control, "last-row.new"), join(control, "last-row"));
      return lastRow;
    },
  };
}

function readJobId(answer: unknown): string {
  const jobId: unknown =
    typeof answer === "object" && answer !== null && "jobId" in answer ? answer.jobId : undefined;
  if (typeof jobId === "string") return jobId;
  throw new Error(`the job was not submitted: ${JSON.stringify(answer)}`);
}
