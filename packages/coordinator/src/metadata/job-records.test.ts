import { parseJobId, type JsonValue } from "@millrace/core";
import { expect, test } from "vitest";

import { encodeRecord, parseJobRecord, type JobRecord } from "./job-records.ts";

const record: JobRecord = {
  jobId: parseJobId("words-1"),
  requestId: "request-1",
  jobName: "words",
  planJson: "{}",
  planSha256: "",
  bundleSha256: "",
  params: null,
  environment: { REGION: "north" },
  submittedAtMs: 5,
};

test("a job's parameters come back as they were given, whatever their fields are called", () => {
  const text = '{"__proto__":{"a":[1]},"constructor":null,"limit":3}';
  const params: JsonValue = JSON.parse(text);
  const parsed = parseJobRecord("jobs/words-1/record", encodeRecord({ ...record, params }));
  expect(JSON.stringify(parsed.params)).toBe(text);
  expect({ ...parsed, params: null }).toEqual(record);
});

test("a record without parameters is none", () => {
  const { params: _params, ...rest } = record;
  expect(() => parseJobRecord("jobs/words-1/record", JSON.stringify(rest))).toThrow(
    "jobs/words-1/record",
  );
});
