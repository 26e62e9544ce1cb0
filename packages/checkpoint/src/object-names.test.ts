import { parseAttempt, parseCheckpointId, parseJobId, parseWorkerId } from "@millrace/core";
import { expect, test } from "vitest";

import {
  bundleName,
  jobPrefix,
  manifestName,
  parseObjectOwner,
  segmentName,
} from "./object-names.ts";

const owner = {
  jobId: parseJobId("word-count"),
  attempt: parseAttempt(3),
  checkpointId: parseCheckpointId(12n),
};

test("names are those of the protocol", () => {
  const writer = { workerId: parseWorkerId("w1"), nonce: "ab12" };
  expect(segmentName(owner, writer)).toBe("jobs/word-count/3/12/w1-ab12.segment");
  expect(manifestName(owner, "ab12")).toBe("jobs/word-count/3/12/manifest-ab12.json");
  expect(bundleName("00ff")).toBe("bundles/00ff.mjs");
  expect(segmentName(owner, writer).startsWith(jobPrefix(owner.jobId))).toBe(true);
});

test("an object's name says whose it is", () => {
  expect(parseObjectOwner(manifestName(owner, "1"))).toEqual(owner);
});

test.each(["bundles/00.mjs", "jobs/a/1/x", "jobs/a/1/0/x", "jobs/a/0/1/x", "jobs/a/1/2/3/x"])(
  "%s is nobody's",
  (name) => {
    expect(() => parseObjectOwner(name)).toThrow(
      expect.objectContaining({ code: "invalid-argument" }),
    );
  },
);
