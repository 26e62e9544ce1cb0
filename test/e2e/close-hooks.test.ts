import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { JobModules } from "./job-modules.ts";
import { submitJob, waitForJob } from "./job-state.ts";
import { RealCluster } from "./real-cluster.ts";

// A slot sees no variable of the test: the path is in the module.
const codeFor = (told: string): string => `
import { appendFileSync } from "node:fs";
export default defineJob("hooks", (job, params) => {
  const tell = (what) => appendFileSync(${JSON.stringify(told)}, what + "\\n");
  job
    .source("in", elements(Array.from({ length: 10_000 }, (_, n) => n)), { rateLimit: params.rate })
    .keyBy((n) => n % 2)
    .process("told", {
      emits: type(),
      open: (ctx) => tell("open " + params.name + " " + ctx.attempt),
      close: () => tell("close " + params.name),
      onRecord: (n, ctx) => {
        if (n === params.failsAt) throw new Error("no lamp");
        ctx.emit({ n });
      },
    })
    .sink("out", {
      createSink(environment) {
        const files = jsonLines({ path: params.out }).createSink(environment);
        const close = async () => tell("writer of " + params.name);
        return { ...files, createWriter: (ctx) => Object.assign(files.createWriter(ctx), { close }) };
      },
    });
});
`;

test(
  "what a job has opened is closed when it is cancelled, stopped, done, starts again, or its worker drains",
  { timeout: 120_000 },
  async () => {
    await using modules = await JobModules.create();
    await using cluster = await RealCluster.start({ workerCount: 1, slotsPerWorker: 1 });
    const told = join(cluster.folder, "told");
    const module = await modules.add("hooks.ts", codeFor(told));
    const out = join(cluster.folder, "out");
    const submit = (name: string, rate: number, failsAt = -1): Promise<string> => {
      const params = [`name=${name}`, `rate=${rate}`, `failsAt=${failsAt}`, `out=${out}`];
      return submitJob(cluster, module, ...params.flatMap((param) => ["--param", param]));
    };
    const allLines = (): readonly string[] =>
      existsSync(told) ? readFileSync(told, "utf8").trimEnd().split("\n") : [];
    const linesOf = (name: string): readonly string[] =>
      allLines().filter((line) => line.includes(name) && !line.startsWith("writer"));
    const closedWritersOf = (name: string): readonly string[] =>
      allLines().filter((line) => line === `writer of ${name}`);

    const cancelled = await submit("cancelled", 100);
    await expect.poll(() => linesOf("cancelled"), { timeout: 20_000 }).toHaveLength(1);
    await cluster.command("cancel", cancelled);
    await expect.poll(() => linesOf("cancelled")[1], { timeout: 20_000 }).toBe("close cancelled");

    const stopped = await submit("stopped", 100);
    await expect.poll(() => linesOf("stopped"), { timeout: 20_000 }).toHaveLength(1);
    await cluster.command("stop", stopped);
    await expect.poll(() => linesOf("stopped")[1], { timeout: 20_000 }).toBe("close stopped");

    const done = await submit("done", 100_000);
    await waitForJob(cluster, done, ({ state }) => state === "finished");
    expect(linesOf("done")).toEqual(["open done 1", "close done"]);

    const failing = await submit("failing", 1_000, 50);
    await expect
      .poll(() => linesOf("failing").slice(0, 3), { timeout: 20_000 })
      .toEqual(["open failing 1", "close failing", "open failing 2"]);
    await cluster.command("cancel", failing);
    await waitForJob(cluster, failing, ({ state }) => state === "cancelled");

    await submit("drained", 100);
    await expect.poll(() => linesOf("drained"), { timeout: 20_000 }).toHaveLength(1);
    expect(await cluster.terminateWorker(0)).toBe(0);
    expect(linesOf("drained")[1]).toBe("close drained");

    for (const name of ["cancelled", "stopped", "done", "drained"]) {
      expect(closedWritersOf(name)).toHaveLength(1);
    }
    expect(closedWritersOf("failing").length).toBeGreaterThanOrEqual(2);
  },
);
