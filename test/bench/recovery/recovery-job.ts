/*
 * Counts words and keeps beside each count a text that does not compress, so that state has a size that is
 * wanted. Each word comes once, then one in a hundred again and again, without an end. Parameters, all
 * required: `splits`, `vocabulary`, `paddingBytes` (of each key), `checkpointMs`, `samples` (a folder).
 */
import { defineJob, state, type, type JobDefinition } from "millrace";

import { numberOf, textOf } from "../job/params.ts";
import { totals, type WordCount } from "../job/totals-sink.ts";
import { words } from "../job/word-source.ts";

const endless = 1e12;

interface PaddedCount {
  readonly count: number;
  readonly padding: string;
}

const recoveryJob: JobDefinition = defineJob("bench-recovery", (job, params) => {
  const vocabulary = numberOf(params, "vocabulary");
  const samples = textOf(params, "samples");
  const paddingBytes = numberOf(params, "paddingBytes");
  const splits = numberOf(params, "splits");
  job.defaults({ checkpoint: { interval: `${numberOf(params, "checkpointMs")} ms` } });
  job
    .source("words", words({ vocabulary, distribution: "hot", words: endless, splits, samples }))
    .keyBy((word) => word)
    .process("counts", {
      emits: type<WordCount>(),
      state: { total: state.value<PaddedCount>() },
      onRecord: (_word, ctx) => {
        const before = ctx.state.total.get();
        const count = (before?.count ?? 0) + 1;
        const padding = before?.padding ?? createPadding(ctx.key, paddingBytes);
        ctx.state.total.set({ count, padding });
        ctx.emit({ key: ctx.key, value: count });
      },
    })
    .sink("totals", totals({ vocabulary, samples }));
});
// oxlint-disable-next-line import/no-default-export -- how a job module is found
export default recoveryJob;

/** Returns a text of seven random bits a character, always the same for a word. */
function createPadding(word: string, sizeBytes: number): string {
  const bytes = Buffer.alloc(Math.round((sizeBytes * 8) / 7));
  let x = Number(word.slice(1)) + 1;
  for (let index = 0; index < bytes.length; index += 1) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
    bytes[index] = x >>> 25;
  }
  return bytes.toString("latin1");
}
