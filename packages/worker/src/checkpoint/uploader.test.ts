import { noFailpoints, silentLogger } from "@millrace/core";
import { expect, test } from "vitest";

import { FaultyObjects } from "../test-kit/faulty-objects.ts";
import { VirtualTime } from "../test-kit/virtual-time.ts";
import { testConfig } from "../test-kit/worker-world.ts";
import { createWorkerCounters } from "../worker-counters.ts";
import { uploadObject } from "./uploader.ts";

test.each([
  [100, 31_000, 2],
  [10_240_000, 31_000, 1],
  [10_240_000, 71_000, 2],
])(
  "of %i bytes, stalled for %i ms, put %i times: bytes have their time (F12)",
  async (...given) => {
    const [sizeBytes, stalledMs, expectedPuts] = given;
    const time = new VirtualTime();
    const objects = new FaultyObjects();
    objects.stall = new Promise(() => {});
    const upload = uploadObject(
      {
        objects,
        clock: time.clock,
        random: { uint32: () => 7 },
        logger: silentLogger,
        config: testConfig(),
        counters: createWorkerCounters(),
        failpoints: noFailpoints,
      },
      { name: "jobs/a/1", parts: [new Uint8Array(sizeBytes)] },
      new AbortController().signal,
    );
    await time.run(stalledMs);
    for (let count = 0; count < 10; count += 1) await time.run();
    expect(objects.puts).toHaveLength(expectedPuts);
    objects.stall = undefined;
    await time.run(200_000);
    await upload;
  },
);
