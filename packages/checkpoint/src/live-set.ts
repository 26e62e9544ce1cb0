/**
 * Decides which objects of a job garbage collection may remove. Pure.
 *
 * I1 What a retained checkpoint references stays (S4).
 * I2 What could still be referenced stays: only an object of an attempt that is over, or one whose
 *    (attempt, checkpoint) is not newer than the head, can never be referenced again (S4b). Both
 *    only become more true with time, so that a decision on an old view is harmless.
 * I3 What bears no name of ours stays.
 */
import { StreamError, type Attempt, type CheckpointId, type JobId } from "@millrace/core";

import type { Manifest } from "./manifest.ts";
import { parseObjectOwner, type ObjectOwner } from "./object-names.ts";

/** A job's part of the metadata, as of one revision. */
export interface LiveSetFacts {
  readonly jobId: JobId;
  /** The attempt in the metadata; absent before the first. */
  readonly attempt?: Attempt;
  readonly head?: { readonly attempt: Attempt; readonly checkpointId: CheckpointId };
  /** The job has ended: no attempt of it can commit any more. */
  readonly isEnded: boolean;
  /** Of every retained or pinned checkpoint. */
  readonly retained: readonly { readonly manifestName: string; readonly manifest: Manifest }[];
}

/** Returns the names of all objects that the retained checkpoints reference, themselves included. */
export function liveObjects(retained: LiveSetFacts["retained"]): ReadonlySet<string> {
  return new Set(
    retained.flatMap(({ manifestName, manifest }) => [
      manifestName,
      ...manifest.segments.map(({ name }) => name),
    ]),
  );
}

/** Returns those of the objects that may be removed. */
export function decideGarbage(facts: LiveSetFacts, names: readonly string[]): readonly string[] {
  const live = liveObjects(facts.retained);
  return names.filter((name) => {
    if (live.has(name)) return false;
    const owner = ownerOf(facts.jobId, name);
    return owner !== undefined && isSettled(facts, owner);
  });
}

function isSettled(facts: LiveSetFacts, owner: ObjectOwner): boolean {
  if (facts.isEnded) return true;
  if (facts.attempt !== undefined && owner.attempt < facts.attempt) return true;
  const { head } = facts;
  return (
    head !== undefined && owner.attempt === head.attempt && owner.checkpointId <= head.checkpointId
  );
}

/** Returns whose the object is, or undefined if it is not one of this job's. */
function ownerOf(jobId: JobId, name: string): ObjectOwner | undefined {
  try {
    const owner = parseObjectOwner(name);
    return owner.jobId === jobId ? owner : undefined;
  } catch (caught) {
    if (StreamError.is(caught, "invalid-argument")) return undefined;
    throw caught;
  }
}
