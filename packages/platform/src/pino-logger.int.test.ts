import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { createPinoLogger } from "./pino-logger.ts";

test("a line is JSON with level, message and the fields of every logger above it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-log-"));
  const path = join(folder, "log");
  const fileDescriptor = openSync(path, "w");
  const logger = createPinoLogger({ level: "info", fileDescriptor, fields: { workerId: "w-1" } });
  logger.log("debug", "not written");
  logger.with({ jobId: "delays" }).log("warn", "checkpoint failed", { checkpointId: 2n ** 60n });
  closeSync(fileDescriptor);
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    workerId: "w-1",
    jobId: "delays",
    checkpointId: "1152921504606846976",
    msg: "checkpoint failed",
    level: 40,
  });
  await rm(folder, { recursive: true });
});
