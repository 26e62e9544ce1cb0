/*
 * Counts generated words. Parameters, all required: `words`, `splits`, `vocabulary`, `distribution`
 * (uniform, zipf or hot), `checkpointMs` (0: none before the end), `samples` (a folder). `combine` is 1 or
 * absent.
 */
import { defineJob, type JobDefinition } from "millrace";

import { numberOf, textOf } from "../job/params.ts";
import { totals } from "../job/totals-sink.ts";
import { words } from "../job/word-source.ts";
import { distributions } from "../job/word-stream.ts";

const wordCount: JobDefinition = defineJob("bench-word-count", (job, params) => {
  const checkpointMs = numberOf(params, "checkpointMs");
  const vocabulary = numberOf(params, "vocabulary");
  const samples = textOf(params, "samples");
  const name = textOf(params, "distribution");
  const distribution = distributions.find((one) => one === name);
  if (distribution === undefined) throw new Error(`there is no distribution ${name}`);
  job.defaults({
    checkpoint: checkpointMs === 0 ? { interval: "1 day" } : { interval: `${checkpointMs} ms` },
  });
  job
    .source(
      "words",
      words({
        vocabulary,
        distribution,
        samples,
        words: numberOf(params, "words"),
        splits: numberOf(params, "splits"),
      }),
    )
    .keyBy((word) => word)
    .count("counts", { combine: params["combine"] === 1 })
    .sink("totals", totals({ vocabulary, samples }));
});
// oxlint-disable-next-line import/no-default-export -- how a job module is found
export default wordCount;
