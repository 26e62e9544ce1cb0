/*
 * Asks for each number a service that takes its time, and keeps the answers. Parameters, all required:
 * `requests`, `capacity`, `answerMs`, `order` ("ordered" or "unordered"), `checkpointMs`, `samples` (a
 * folder).
 */
import { defineJob, type JobDefinition } from "millrace";

import { numberOf, textOf } from "../job/params.ts";
import { answers } from "./answers-sink.ts";
import { numbers } from "./number-source.ts";

const asyncJob: JobDefinition = defineJob("bench-async", (job, params) => {
  const requests = numberOf(params, "requests");
  const answerMs = numberOf(params, "answerMs");
  job.defaults({ checkpoint: { interval: `${numberOf(params, "checkpointMs")} ms` } });
  job
    .source("numbers", numbers({ count: requests }))
    .asyncMap(
      "answers",
      (value) =>
        new Promise<number>((resolve) => {
          setTimeout(resolve, answerMs, value);
        }),
      {
        capacity: numberOf(params, "capacity"),
        order: textOf(params, "order") === "ordered" ? "ordered" : "unordered",
        timeout: "1 minute",
      },
    )
    .sink("kept", answers({ requests, samples: textOf(params, "samples") }));
});
// oxlint-disable-next-line import/no-default-export -- how a job module is found
export default asyncJob;
