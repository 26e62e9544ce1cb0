import { bundleName } from "@millrace/checkpoint";
import { createDeadline, StreamError } from "@millrace/core";
import type { Deployment } from "@millrace/rpc";

import { readVerified, type ReadPorts } from "../restore/read-verified.ts";
import type { BundleCache } from "../worker-ports.ts";

/** Returns what a slot loads the job's module by: fetched, with the hash that it must have. */
export async function fetchBundle(
  deployment: Deployment,
  ports: ReadPorts & { readonly bundles: BundleCache },
  signal: AbortSignal,
): Promise<string> {
  const { bundleSha256: sha256, ref } = deployment;
  const what = `the bundle of job ${ref.jobId}`;
  const afterMs = ports.config.restoreTimeoutMs;
  using deadline = createDeadline(ports.clock, { afterMs, what: `fetching ${what}`, signal });
  const bytes = await readVerified(
    ports,
    { name: bundleName(sha256), sha256, what, missing: invalidBundle, corrupt: invalidBundle },
    deadline.signal,
  );
  return await ports.bundles.store(sha256, bytes);
}

function invalidBundle(message: string): StreamError {
  return new StreamError("bundle-invalid", `${message}; submit the job again`, {
    domain: "external",
    retry: "never",
  });
}
