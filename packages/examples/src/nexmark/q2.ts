/*
 * Nexmark query 2, selection: the prices that were bid for every 123rd auction. Parameters: see
 * `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q2", (job, params) => {
  readBids(job, params)
    .filter(({ auction }) => auction % 123 === 0)
    .map(({ auction, price }) => ({ auction, price }))
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
