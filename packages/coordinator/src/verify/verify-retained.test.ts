import { parseCheckpointId, parseJobId } from "@millrace/core";
import { createNodeDigest, createZstdCompressor } from "@millrace/platform";
import { createMemoryObjectStore, type ObjectStore } from "@millrace/storage";
import { expect, test } from "vitest";

import { storeTwoCheckpoints } from "../test-kit/stored-checkpoints.ts";
import type { VerifyPorts } from "./verify-checkpoint.ts";
import { verifyOneAtATime } from "./verify-one-at-a-time.ts";

const jobId = parseJobId("job-1");

function portsOn(objects: ObjectStore): VerifyPorts {
  return { objects, digest: createNodeDigest(), compressor: createZstdCompressor() };
}

test("the latest comes first, one can be chosen, and one that is not retained is not-found", async () => {
  const objects = createMemoryObjectStore();
  const pointers = (await storeTwoCheckpoints(objects)).map(({ pointer }) => pointer);
  const verify = verifyOneAtATime(portsOn(objects));
  const read = () => Promise.resolve(pointers);
  const all = await verify({ jobId }, read);
  expect(all.map(({ checkpointId, problems }) => [checkpointId, problems])).toEqual([
    [2n, []],
    [1n, []],
  ]);
  const one = await verify({ jobId, checkpointId: parseCheckpointId(1n) }, read);
  expect(one).toHaveLength(1);
  await expect(verify({ jobId, checkpointId: parseCheckpointId(9n) }, read)).rejects.toMatchObject({
    code: "not-found",
  });
});

test("a checkpoint that is retired while it is read is no broken one", async () => {
  const objects = createMemoryObjectStore();
  const [first, second] = await storeTwoCheckpoints(objects);
  await objects.remove([first.pointer.manifestName]);
  const verify = verifyOneAtATime(portsOn(objects));
  const retained = [[first.pointer, second.pointer], [second.pointer]];
  const retiring = () => Promise.resolve(retained.shift() ?? [second.pointer]);
  expect((await verify({ jobId }, retiring)).map(({ checkpointId }) => checkpointId)).toEqual([2n]);
  const staying = () => Promise.resolve([first.pointer]);
  expect(await verify({ jobId }, staying)).toMatchObject([
    { problems: [{ code: "manifest-corrupt" }] },
  ]);
});

test("a leader verifies one at a time, and is free again afterwards, also after a failure", async () => {
  const objects = createMemoryObjectStore();
  const [first] = await storeTwoCheckpoints(objects);
  const verify = verifyOneAtATime(portsOn(objects));
  const read = () => Promise.resolve([first.pointer]);
  const under = verify({ jobId }, read);
  await expect(verify({ jobId }, read)).rejects.toMatchObject({
    code: "unavailable",
    retry: "backoff",
  });
  await under;
  await expect(verify({ jobId }, () => Promise.reject(new Error("x")))).rejects.toThrow("x");
  expect(await verify({ jobId }, read)).toHaveLength(1);
});
