import type { SinkConnector } from "@millrace/api";

/** A sink without a target: what reaches it is read from the run itself. */
export const nowhere: SinkConnector<unknown> = {
  connector: "none",
  options: null,
  guarantee: "exactly-once",
  createWriter: () => {
    throw new Error("neither the simulation nor the interpreter writes to a sink's own target");
  },
};
