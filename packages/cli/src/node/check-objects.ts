import { StreamError, type Logger } from "@millrace/core";
import type { ObjectStore } from "@millrace/storage";

/**
 * Throws `cluster-mismatch` if the object store is not the one of the cluster: a leader marks it before
 * it takes workers. What a worker stored elsewhere, its leader would not find. A store that does not let
 * this process list says nothing.
 */
export async function checkObjects(
  objects: ObjectStore,
  clusterId: string,
  logger: Logger,
): Promise<void> {
  // Loaded late: a worker needs nothing else of it.
  const { readClusterMarks } = await import("@millrace/coordinator");
  let others: readonly string[];
  try {
    const marks = await readClusterMarks(objects);
    if (marks.some((mark) => mark.clusterId === clusterId)) return;
    others = [...new Set(marks.map((mark) => mark.clusterId))];
  } catch (caught) {
    const { code, message } = StreamError.from(caught);
    logger.log("warn", "cannot tell whose object store this is", { code, cause: message });
    return;
  }
  const has = others.length === 0 ? "no mark of any cluster" : `marks of ${others.join(", ")}`;
  throw new StreamError(
    "cluster-mismatch",
    `the coordinator is of cluster ${clusterId}, and this worker's object store has ${has}: --objects ` +
      "must name the same place for coordinators and workers",
    { domain: "user", retry: "never" },
  );
}
