import {
  defineJob,
  elements,
  outputTag,
  tumbling,
  type InvalidRecord,
  type StandardSchema,
} from "@millrace/api";
import { expect, test } from "vitest";

import { nowhere } from "../test-kit/nowhere.ts";
import { assertExactlyOnce } from "./assert-exactly-once.ts";
import { simulate } from "./simulate.ts";

interface Reading {
  readonly at: number;
  readonly value: number;
}

/** Of lines such as `100 7`. */
const schema: StandardSchema<string, Reading> = {
  "~standard": {
    version: 1,
    vendor: "hand",
    validate(line) {
      const [at, value] = String(line).split(" ").map(Number);
      if (Number.isFinite(at) && Number.isFinite(value)) {
        return { value: { at: at ?? 0, value: value ?? 0 } };
      }
      return { issues: [{ message: "is no reading" }] };
    },
  },
};

const lines = Array.from({ length: 90 }, (_, index) => `${index * 10} ${index % 7}`);

const bySource = defineJob("readings", (job) => {
  job
    .source("lines", elements<string>([]), {
      schema,
      watermarks: { timestamp: ({ at }) => at },
    })
    .keyBy(({ value }) => value)
    .window(tumbling("100 ms"))
    .count("counts")
    .sink("counted", nowhere);
});

test("records of a source are what its schema makes of them, event times too, also over restores", async () => {
  for (const restoreAt of [undefined, 3]) {
    const at = restoreAt === undefined ? {} : { parallelism: 2, restoreAt };
    const report = await assertExactlyOnce(bySource, { inputs: { lines }, seeds: 6, ...at });
    expect(report.recoveries).toBeGreaterThan(0);
  }
});

test("a record of a source that does not fit fails the job, with its split and position", async () => {
  const untimed = defineJob("readings", (job) => {
    job.source("lines", elements<string>([]), { schema }).sink("out", nowhere);
  });
  const bad = lines.with(70, "7O0 1");
  const { violation, log } = await simulate(untimed, {
    seed: "1",
    inputs: { lines: bad },
    splits: 1,
  });
  expect(violation).toContain("record-invalid");
  const told = log.flatMap(({ fields }) => Object.values(fields)).join(" ");
  expect(told).toContain("a record of source lines does not fit its schema: is no reading");
  expect(told).not.toContain("7O0");
});

test("what does not fit goes to its side output, once, whatever fails meanwhile", async () => {
  const invalid = outputTag<InvalidRecord<string>>("invalid");
  const job = defineJob("checked", (write) => {
    const checked = write
      .source("lines", elements<string>([]))
      .check("valid", schema, { invalidTo: invalid });
    checked.map(({ value }) => value).sink("values", nowhere);
    checked
      .sideOutput(invalid)
      .map(({ record, issues }) => `${record}: ${issues.map(({ message }) => message).join()}`)
      .sink("refused", nowhere);
  });
  const bad = lines.with(3, "three").with(70, "7O0 1");
  const report = await assertExactlyOnce(job, { inputs: { lines: bad }, seeds: 6 });
  expect(report.recoveries).toBeGreaterThan(0);
  const { outputs } = await simulate(job, { seed: "1", inputs: { lines: bad } });
  expect(outputs["values"]).toHaveLength(88);
  expect(outputs["refused"]?.toSorted()).toEqual(["7O0 1: is no reading", "three: is no reading"]);
});
