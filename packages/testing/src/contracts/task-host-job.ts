import type { JobDefinition, SourceConnector } from "@millrace/graph";

// The job of the task hosts' suite, as a slot in a thread imports it; what it does besides stands in
// the URL's query, which only a thread gets to see.
if (import.meta.url.endsWith("?exit")) process.exit(3);
if (import.meta.url.endsWith("?hang")) for (;;);

/** One split that never gives a record: what was assigned is what a snapshot holds. */
const silent: SourceConnector<number> = {
  connector: "silent",
  options: {},
  canReplay: true,
  discover: () => Promise.resolve([{ id: "only", descriptor: "small" }]),
  createReader: () => ({
    open: () =>
      Promise.resolve({
        nextBatch: () => new Promise(() => {}),
        close: () => Promise.resolve(),
      }),
  }),
};

const job: JobDefinition = {
  millraceJob: 1,
  name: "task-host",
  build: ({ baseDirectory }) => ({
    apiVersion: 1,
    baseDirectory,
    jobName: "task-host",
    settings: { parallelism: 1 },
    nodes: [
      { id: 0, name: "silent", inputs: [], spec: { kind: "source", connector: silent } },
      { id: 1, name: "print-1", inputs: [0], spec: { kind: "print", label: "out" } },
    ],
  }),
};
// oxlint-disable-next-line import/no-default-export -- it is how a slot finds the job of a bundle
export default job;
