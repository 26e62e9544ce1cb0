/*
 * The three pages that were viewed most in each minute. Every line of the input is a time in
 * milliseconds and a page. Parameters: `views` (a file or folder), `out` (the folder for the results).
 *
 * Views are counted by page, in as many subtasks as there are; their counts meet in one, which sees no
 * views. Views that come too late for their minute are kept apart.
 */
import { jsonLines, textLines } from "@millrace/file";
import { defineJob, outputTag, topN, tumbling } from "millrace";

import { readText } from "../read-param.ts";

interface PageViews {
  readonly minute: string;
  readonly page: string;
  readonly views: number;
}

const late = outputTag<string>("late");

export default defineJob("top-pages", (job, params) => {
  const out = readText(params, "out") ?? "out/top-pages";
  const byPage = job
    .source("lines", textLines({ path: readText(params, "views") ?? "views" }), {
      watermarks: { timestamp: timeOf, outOfOrderness: "10 seconds" },
    })
    .keyBy(pageOf)
    .window(tumbling("1 minute"), { lateTo: late })
    .count("views-by-page");

  byPage
    .map(({ key, window, value }): PageViews => {
      return { minute: new Date(window.start).toISOString(), page: key, views: value };
    })
    // A result has the time of its window's last millisecond, so it lies in the same minute again.
    .windowAll(tumbling("1 minute"))
    .aggregate("most-viewed", topN<PageViews>(3, byViews))
    .sink("board", jsonLines({ path: out }));

  byPage.sideOutput(late).sink("too-late", jsonLines({ path: `${out}-late` }));
});

function timeOf(line: string): number {
  return Number.parseInt(line, 10);
}

function pageOf(line: string): string {
  return line.slice(line.indexOf(" ") + 1);
}

/** Of pages with as many views the first by name comes first: results do not depend on the order. */
function byViews(left: PageViews, right: PageViews): number {
  return right.views - left.views || (left.page < right.page ? -1 : 1);
}
