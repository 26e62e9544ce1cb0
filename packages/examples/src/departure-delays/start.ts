/*
 * What `npm start` runs: departure-delays on a cluster of real processes, paced so that there is time
 * to watch it and to kill a worker, then the airports with the longest delays.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { createOutput, runCommand, runDev } from "@millrace/cli";

import { readHourlyDelays, rankAirports } from "./rank-airports.ts";

/** 3,000,000 rows in 40 seconds. */
const pacedRate = 75_000;
const out = "out/delays";

process.exitCode = await runCommand(async () => {
  const { values } = parseArgs({
    options: { "full-speed": { type: "boolean", default: false }, limit: { type: "string" } },
  });
  const output = createOutput("text");
  const flights = fileURLToPath(
    new URL("../data/flights-3m.parquet", import.meta.resolve("vega-datasets")),
  );
  const pace = values["full-speed"] ? [] : [`rate=${pacedRate}`];
  const limit = values.limit === undefined ? [] : [`limit=${values.limit}`];
  const job = await runDev({
    module: fileURLToPath(new URL("./departure-delays.js", import.meta.url)),
    params: [`flights=${flights}`, `out=${out}`, ...pace, ...limit],
    environment: [],
    loadTimeoutMs: 10_000,
    output,
  });
  if (job?.state !== "finished") return;
  const folder = `${out}/${job.jobId}`;
  const ranked = rankAirports(await readHourlyDelays(folder), { minimumFlights: 100 });
  const lines = ranked
    .slice(0, 10)
    .map(({ airport, flights: count, meanDelayMinutes }) =>
      [
        airport.padEnd(9),
        meanDelayMinutes.toFixed(1).padStart(13),
        String(count).padStart(10),
      ].join(""),
    );
  output.result(
    ranked,
    () =>
      `\nThe ten worst airports\nairport   mean delay min   flights\n${lines.join("\n")}\n\nAll hours of all airports: ${folder}/*.jsonl`,
  );
});
