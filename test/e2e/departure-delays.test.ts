import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { delaysModule, expectedHourlyDelays, readHourlyDelays } from "./hourly-delays.ts";
import { runMillrace } from "./run-millrace.ts";

test("the whole main job equals an independent computation row for row", async () => {
  const out = await mkdtemp(join(tmpdir(), "millrace-delays-"));
  const startedAtMs = performance.now();
  const result = await runMillrace("dev", delaysModule, "--param", `out=${out}`);
  process.stdout.write(
    `${Math.round(performance.now() - startedAtMs)} ms for the whole main job\n`,
  );
  expect(result).toMatchObject({ exitCode: 0 });
  const [jobId = ""] = await readdir(out);
  expect(await readHourlyDelays(join(out, jobId))).toEqual(await expectedHourlyDelays());
  await rm(out, { recursive: true });
});
