import { access } from "node:fs/promises";
import { join, resolve } from "node:path";

import { readClusterMarks, type ClusterMark } from "@millrace/coordinator";
import { StreamError, type Clock } from "@millrace/core";
import {
  createS3ObjectStore,
  openFileObjectStore,
  parseObjectStoreUrl,
  type ObjectStore,
  type ObjectStoreUrl,
  type S3Place,
} from "@millrace/storage";

import type { ObjectFacts, ObjectStep } from "./judge-stores.ts";
import { within } from "./within.ts";

const limitMs = 15_000;

export interface ObjectProbe {
  readonly facts: ObjectFacts;
  /** Whose store it is; absent if it could not be listed. */
  readonly marks?: readonly ClusterMark[];
  /** Where an S3 answers, for its clock. */
  readonly endpoint?: string;
}

/**
 * Returns what using the object store shows: lists, writes an object of its own, reads it back and
 * removes it. What it cannot remove is named. A folder that is not there is not made.
 * @param objects a URL; absent: in the data folder.
 */
export async function probeObjects(
  place: { readonly objects?: string; readonly dataFolder: string },
  clock: Clock,
  nonce: string,
): Promise<ObjectProbe> {
  const { objects = `file:${join(resolve(place.dataFolder), "objects")}` } = place;
  const errors = new Map<ObjectStep, StreamError | undefined>();
  try {
    const url = parseObjectStoreUrl(objects);
    if (url.kind === "file" && !(await isThere(url.path))) {
      const reason = "there is no such folder on this machine";
      return { facts: { kind: "absent", place: objects, reason } };
    }
    await using store = await openProbed(url, clock);
    const endpoint = url.kind === "s3" ? endpointOf(url.place) : undefined;
    const startedMs = clock.monotonicMs();
    const marks = await tryStep(errors, "list", () => readClusterMarks(store));
    if (marks !== undefined) await useObject(store, errors, nonce);
    const roundTripMs = clock.monotonicMs() - startedMs;
    return {
      facts: { kind: "used", place: objects, errors, roundTripMs },
      ...(marks === undefined ? {} : { marks }),
      ...(endpoint === undefined ? {} : { endpoint }),
    };
  } catch (caught) {
    errors.set("list", StreamError.from(caught));
    return { facts: { kind: "used", place: objects, errors, roundTripMs: 0 } };
  }
}

type StepErrors = Map<ObjectStep, StreamError | undefined>;

async function useObject(store: ObjectStore, errors: StepErrors, nonce: string): Promise<void> {
  const name = `doctor/${nonce}`;
  const bytes = new TextEncoder().encode(nonce);
  const isPut = await tryStep(errors, "put", async () => {
    await store.put(name, [bytes]);
    return true;
  });
  if (isPut === undefined) return;
  await tryStep(errors, "get", async () => {
    const read = new TextDecoder().decode(await store.get(name));
    if (read !== nonce) throw wrongBytes(name);
    return true;
  });
  await tryStep(errors, "delete", async () => {
    await store.remove([name]);
    if ((await store.stat(name)) !== undefined) throw stays(name);
    return true;
  });
}

async function tryStep<Result>(
  errors: StepErrors,
  step: ObjectStep,
  operation: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    const result = await within(limitMs, "the object store", operation);
    errors.set(step, undefined);
    return result;
  } catch (caught) {
    errors.set(step, StreamError.from(caught));
    return undefined;
  }
}

function openProbed(url: ObjectStoreUrl, clock: Clock): Promise<ObjectStore> {
  if (url.kind === "file") return openFileObjectStore(resolve(url.path));
  return Promise.resolve(openS3(url.place, clock));
}

function openS3(place: S3Place, clock: Clock): ObjectStore {
  const region = place.region ?? process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"];
  const limits = { requestTimeoutMs: 5_000, bodyIdleTimeoutMs: 5_000, bodyTimeoutMs: 5_000 };
  return createS3ObjectStore({
    ...place,
    ...limits,
    clock,
    ...(region === undefined ? {} : { region }),
  });
}

function endpointOf({ endpoint, region = "us-east-1" }: S3Place): string {
  return endpoint ?? `https://s3.${region}.amazonaws.com`;
}

function isThere(path: string): Promise<boolean> {
  return access(resolve(path)).then(
    () => true,
    () => false,
  );
}

function wrongBytes(name: string): StreamError {
  const message = `object ${name} came back with other bytes than were written`;
  return new StreamError("object-corrupt", message, { domain: "external", retry: "never" });
}

function stays(name: string): StreamError {
  const message = `object ${name} is still there after it was removed; remove it by hand`;
  return new StreamError("access-denied", message, { domain: "external", retry: "never" });
}
