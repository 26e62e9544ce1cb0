/*
 * The hello world of the field: counts the words of text files. Parameters: `texts` (a file or
 * folder), `out` (the folder for the running counts).
 */
import { jsonLines, textLines } from "@millrace/file";
import { defineJob } from "millrace";

import { readText } from "../read-param.ts";

export default defineJob("word-count", (job, params) => {
  const texts = readText(params, "texts") ?? "packages/examples/texts";
  job.defaults({ checkpoint: { interval: "1 second" } });
  job
    .source("lines", textLines({ path: texts }))
    .flatMap((line) => line.toLowerCase().match(/\p{Letter}+/gu) ?? [])
    .keyBy((word) => word)
    .count("counts")
    .map(({ key, value }) => ({ word: key, count: value }))
    .sink("board", jsonLines({ path: readText(params, "out") ?? "out/words" }));
});
