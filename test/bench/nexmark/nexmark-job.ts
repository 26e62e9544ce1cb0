/*
 * A query of Nexmark as the examples have it, with a sink that counts rows and a source that writes down how far it
 * is. Parameters, besides those of the examples: `query`, `checkpointMs`, `samples` (a folder).
 */
import { nexmarkQueries } from "@millrace/examples";
import { nexmarkSource, nexmarkWatermarks } from "@millrace/nexmark";
import { defineJob, type JobDefinition, type JobParams } from "millrace";

import { numberOf, textOf } from "../job/params.ts";
import type { BenchedQuery } from "./counted-rows.ts";
import { rowsSink } from "./rows-sink.ts";
import { sampled } from "./sampled-source.ts";

type Graph = ReturnType<JobDefinition["build"]>;

/** What source and sink cost: no query between them. */
const source = defineJob("nexmark-source", (job, params) => {
  const options = {
    events: numberOf(params, "events"),
    splits: numberOf(params, "splits"),
    stretchEvents: numberOf(params, "stretchEvents"),
    intervalMicros: numberOf(params, "intervalMicros"),
  };
  job
    .source("events", nexmarkSource(options), { watermarks: nexmarkWatermarks(options) })
    .sink("rows", rowsSink({ query: "source", samples: textOf(params, "samples") }));
});

const nexmark: JobDefinition = {
  ...source,
  name: "bench-nexmark",
  build: (input) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object, from the command line
    const params = input.params as JobParams;
    const name = textOf(params, "query");
    const [query] =
      Object.entries({ ...nexmarkQueries, source }).find(([one]) => one === name) ?? [];
    if (query === undefined) throw new Error(`there is no query ${name}`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a key of the object
    const known = query as BenchedQuery;
    const definition = known === "source" ? source : nexmarkQueries[known];
    return instrument(definition.build(input), { query: known, params });
  },
};
// oxlint-disable-next-line import/no-default-export -- how a job module is found
export default nexmark;

function instrument(
  graph: Graph,
  { query, params }: { readonly query: BenchedQuery; readonly params: JobParams },
): Graph {
  const samples = textOf(params, "samples");
  const checkpointMs = numberOf(params, "checkpointMs");
  // The end of input drops windows of processing time that are open: their 10 s end before it.
  const lingerMs = query === "q12" ? 11_000 : 0;
  const nodes = graph.nodes.map((node): Graph["nodes"][number] => {
    const { spec, name } = node;
    if (spec.kind === "sink") {
      return { ...node, spec: { ...spec, connector: rowsSink({ query, samples }) } };
    }
    if (spec.kind !== "source" || name !== "events") return node;
    return {
      ...node,
      spec: { ...spec, connector: sampled(spec.connector, { samples, lingerMs }) },
    };
  });
  const checkpoint = { ...graph.settings.checkpoint, intervalMs: checkpointMs };
  return { ...graph, jobName: nexmark.name, nodes, settings: { ...graph.settings, checkpoint } };
}
