/*
 * The four elements of the textbooks: a, b, c, a are keyed, summed and printed, with a checkpoint
 * every ten seconds. The parameter `rate` slows them down: 0.1 is one element in ten seconds.
 */
import { defineJob, elements } from "millrace";

import { readNumber } from "../read-param.ts";

export default defineJob("textbook", (job, params) => {
  const rate = readNumber(params, "rate");
  job.defaults({ parallelism: 1, checkpoint: { interval: "10 seconds" } });
  job
    .source(
      "letters",
      elements(["a", "b", "c", "a"]),
      rate === undefined ? {} : { rateLimit: rate },
    )
    .keyBy((letter) => letter)
    .sum("sums", () => 1)
    .print("sum");
});
