/*
 * Two hops with stamps: by word to a running count, and spread evenly to a sink. Parameters, all required:
 * `eventsPerMs` (of each split), `durationMs`, `splits`, `vocabulary`, `skipMs`, `checkpointMs` (0: none
 * before the end), `samples` (a folder).
 */
import { defineJob, type JobDefinition } from "millrace";

import { numberOf, textOf } from "../job/params.ts";
import { latencies } from "./latency-sink.ts";
import { pacedWords } from "./paced-source.ts";

const latencyJob: JobDefinition = defineJob("bench-latency", (job, params) => {
  const checkpointMs = numberOf(params, "checkpointMs");
  const eventsPerMs = numberOf(params, "eventsPerMs");
  const durationMs = numberOf(params, "durationMs");
  const splits = numberOf(params, "splits");
  const vocabulary = numberOf(params, "vocabulary");
  job.defaults({
    checkpoint: checkpointMs === 0 ? { interval: "1 day" } : { interval: `${checkpointMs} ms` },
  });
  job
    .source("words", pacedWords({ vocabulary, eventsPerMs, durationMs, splits }))
    .map(({ word, createdMs }) => ({ word, createdMs, count: 1 }))
    .keyBy(({ word }) => word)
    .reduce("counts", (total, { word, createdMs }) => ({
      word,
      createdMs,
      count: total.count + 1,
    }))
    .rebalance()
    .sink(
      "latencies",
      latencies({
        samples: textOf(params, "samples"),
        events: eventsPerMs * durationMs * splits,
        skipMs: numberOf(params, "skipMs"),
      }),
    );
});
// oxlint-disable-next-line import/no-default-export -- how a job module is found
export default latencyJob;
