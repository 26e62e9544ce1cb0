import { judgeClusterMarks, objectsElsewhere, type ClusterMark } from "@millrace/coordinator";
import type { StreamError } from "@millrace/core";

import { adviceOf } from "../format-error.ts";
import { failed, failedWith, ok, skipped, warning, type Finding } from "./finding.ts";

/** What using the metadata store showed. */
export type MetadataFacts =
  | { readonly kind: "absent"; readonly place: string; readonly reason: string }
  | {
      readonly kind: "failed";
      readonly place: string;
      /** What was tried: the steps before it worked. */
      readonly step: "read" | "write";
      readonly error: StreamError;
    }
  | {
      readonly kind: "works";
      readonly place: string;
      readonly roundTripMs: number;
      readonly revision: bigint;
      /** Absent: no coordinator has led yet. */
      readonly clusterId?: string;
      readonly jobCount: number;
    };

const slowMs = 500;

/** Returns whether jobs can be kept in the metadata store. */
export function judgeMetadata(facts: MetadataFacts): Finding {
  const check = "metadata";
  switch (facts.kind) {
    case "absent":
      return skipped(check, `${facts.place}: ${facts.reason}`);
    case "failed": {
      const { code, message } = facts.error;
      const what = `${facts.place} cannot be ${facts.step === "read" ? "read" : "written"}`;
      return failed(check, { code, message: `${what}: ${message}`, remedy: adviceOf(code) });
    }
    case "works": {
      const message = `${facts.place} can be read and written, revision ${facts.revision}`;
      if (facts.roundTripMs < slowMs) return ok(check, message);
      return warning(check, {
        code: "slow",
        message: `${message}; but a write took ${Math.round(facts.roundTripMs)} ms`,
        remedy: "Look at its disk and its network: every checkpoint waits for such a write.",
      });
    }
  }
}

/** Each permission that coordinators and workers need, in the order in which it is tried. */
export type ObjectStep = "list" | "put" | "get" | "delete";

/** What using the object store showed. */
export type ObjectFacts =
  | { readonly kind: "absent"; readonly place: string; readonly reason: string }
  | {
      readonly kind: "used";
      readonly place: string;
      /** Of the steps that were tried: undefined where it worked. */
      readonly errors: ReadonlyMap<ObjectStep, StreamError | undefined>;
      readonly roundTripMs: number;
    };

const stepTexts: Readonly<Record<ObjectStep, string>> = {
  list: "list objects",
  put: "write an object",
  get: "read an object back",
  delete: "remove an object",
};

/** Returns a finding for each permission that was tried. */
export function judgeObjects(facts: ObjectFacts): readonly Finding[] {
  if (facts.kind === "absent") {
    return [skipped("objects", `${facts.place}: ${facts.reason}`)];
  }
  const { place, errors } = facts;
  const worked = [...errors].filter(([, error]) => error === undefined).map(([step]) => step);
  return [...errors].map(([step, error]) => {
    const check = `objects: ${step}`;
    if (error === undefined) return ok(check, `${place}: may ${stepTexts[step]}`);
    const before = worked.length === 0 ? "" : ` (it can ${worked.join(", ")})`;
    const message = `${place}: cannot ${stepTexts[step]}${before}: ${error.message}`;
    return failed(check, { code: error.code, message, remedy: remedyOf(step, error, worked) });
  });
}

function remedyOf(step: ObjectStep, error: StreamError, worked: readonly ObjectStep[]): string {
  if (step === "delete" && error.code === "access-denied") {
    return "Coordinators need DeleteObject to collect garbage, workers do not; remove the probe object below doctor/ by hand.";
  }
  const isReadOnly = step === "put" && worked.includes("list");
  if (error.code !== "access-denied" || !isReadOnly) return adviceOf(error.code);
  return "The bucket is read-only for these credentials: allow PutObject and DeleteObject below the prefix.";
}

/** Returns whether the object store is the one of the metadata, and not newer than them (F33). */
export function judgeOwnership(
  metadata: MetadataFacts,
  marks: readonly ClusterMark[] | undefined,
): Finding {
  const check = "metadata and objects";
  if (metadata.kind !== "works" || marks === undefined) {
    return skipped(check, "needs both stores");
  }
  const { clusterId, revision, jobCount } = metadata;
  if (clusterId === undefined) {
    const [mark] = marks;
    if (mark === undefined) return ok(check, "both are new: no coordinator has led yet");
    return failed(check, {
      code: "cluster-mismatch",
      message: `the object store belongs to cluster ${mark.clusterId}, and the metadata store knows no cluster`,
      remedy: adviceOf("cluster-mismatch"),
    });
  }
  // The store is at this revision, so a mark of it is no mark of the future.
  const wrong = judgeClusterMarks(marks, { clusterId, revision: revision + 1n });
  if (wrong !== undefined) return failedWith(check, wrong);
  if (marks.length > 0) return ok(check, `both belong to cluster ${clusterId}`);
  if (jobCount > 0) return failedWith(check, objectsElsewhere(clusterId, jobCount));
  return ok(check, `cluster ${clusterId} has no jobs, and has not used this object store yet`);
}
