import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  callsWithPolicy,
  createCoordinator,
  defaultCoordinatorConfig,
  type Coordinator,
} from "@millrace/coordinator";
import {
  noFailpoints,
  silentLogger,
  StreamError,
  type ControlNetwork,
  type JobId,
  type WorkerId,
} from "@millrace/core";
import { openSqliteMetadataStore, type MetadataStore } from "@millrace/metadata";
import { createNodeClock, createNodeDigest, createNodeRandom } from "@millrace/platform";
import {
  createGrpcNetwork,
  decodeCoordinatorMessage,
  encodeCallRequest,
  encodeWorkerMessage,
  protocolVersion,
  type JobMethod,
  type SubmitJobRequest,
} from "@millrace/rpc";
import { openFileObjectStore, type ObjectStore } from "@millrace/storage";
import { afterAll, beforeAll, expect, test } from "vitest";

/** What others were broken into by, and what file systems and stores take for more than a name. */
const corpus: readonly string[] = [
  "",
  ".",
  "..",
  "../",
  "../outside.txt",
  "../../../../../../etc/passwd",
  "jobs/../../outside.txt",
  "/etc/passwd",
  "//etc/passwd",
  "..\\..\\outside.txt",
  "C:\\windows\\win.ini",
  "\\\\server\\share\\file",
  "//server/share/file",
  "file:///etc/passwd",
  "http://127.0.0.1:1/",
  "%2e%2e/outside.txt",
  "%2e%2e%2foutside.txt",
  "..%252foutside.txt",
  "..%252f..%252f..%252fetc%252fpasswd",
  "%c0%ae%c0%ae/outside.txt",
  "a%00b",
  "a\0b",
  "../outside.txt\0.mjs",
  "a\nb",
  "a\r\nb",
  "．．／outside.txt",
  "․․/outside.txt",
  "‥/outside.txt",
  "..∕outside.txt",
  "\u202Etxt.edistuo",
  "e\u0301",
  "ｊｏｂ",
  "~root",
  "$(touch outside.txt)",
  "`touch outside.txt`",
  "CON",
  "__proto__",
  "constructor",
  "a".repeat(64),
  "a".repeat(10_000),
  "*",
  "a/b",
  "millrace/cluster",
];

let folder = "";
let network: (ControlNetwork & AsyncDisposable) | undefined;
let metadata: MetadataStore | undefined;
let objects: ObjectStore | undefined;
let coordinator: Coordinator;
let address = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-traversal-"));
  const data = join(folder, "a/b/c/data");
  await mkdir(data, { recursive: true });
  await writeFile(join(folder, "outside.txt"), "untouched");
  await writeFile(join(folder, "a/b/c/outside.txt"), "untouched");
  const clock = createNodeClock();
  network = createGrpcNetwork();
  metadata = openSqliteMetadataStore(join(data, "metadata.sqlite"), clock);
  objects = await openFileObjectStore(join(data, "objects"));
  coordinator = createCoordinator({
    network,
    metadata,
    objects,
    clock,
    random: createNodeRandom(),
    digest: createNodeDigest(),
    logger: silentLogger,
    failpoints: noFailpoints,
    config: { ...defaultCoordinatorConfig, address: "127.0.0.1:0" },
  });
  ({ address } = await coordinator.start());
});

afterAll(async () => {
  await coordinator.close();
  for (const one of [network, objects, metadata]) await one?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** What lies where, with the hash of its content, apart from the database. */
async function snapshot(): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const lines = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (!entry.isFile()) return `${name}/`;
    const hash = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
    return `${name} ${hash.slice(0, 12)}`;
  });
  return (await Promise.all(lines))
    .filter((line) => !line.includes("metadata.sqlite"))
    .toSorted((a, b) => a.localeCompare(b));
}

async function keys(): Promise<readonly string[]> {
  return ((await metadata?.list(""))?.entries ?? []).map(({ key }) => key);
}

async function call(method: JobMethod, message: Uint8Array): Promise<string> {
  try {
    await network?.call(address, { method, message, deadlineMs: 10_000 });
    return "ok";
  } catch (caught) {
    return StreamError.from(caught).code;
  }
}

// The client parses ids before it sends them; somebody else's client need not.
const asJobId = (text: string): JobId => text as JobId;

const jobCalls: Readonly<Record<string, (jobId: JobId) => Uint8Array>> = {
  DescribeJob: (jobId) => encodeCallRequest("DescribeJob", { jobId }),
  CancelJob: (jobId) => encodeCallRequest("CancelJob", { jobId }),
  StopJob: (jobId) => encodeCallRequest("StopJob", { jobId, isDrain: false }),
  ListCheckpoints: (jobId) => encodeCallRequest("ListCheckpoints", { jobId }),
  VerifyCheckpoints: (jobId) => encodeCallRequest("VerifyCheckpoints", { jobId }),
  ReadLogs: (jobId) =>
    encodeCallRequest("ReadLogs", { jobId, afterSequence: 0, leaderEpoch: 0n, waitMs: 0 }),
};

test("SEC6: each call that takes a text is walked below", () => {
  const walked = ["SubmitJob", ...Object.keys(jobCalls)];
  // A new call has to be added here or there.
  const withoutTexts = ["DescribeCluster", "ListJobs"];
  const all = [...walked, ...withoutTexts].toSorted((a, b) => a.localeCompare(b));
  expect(callsWithPolicy().toSorted((a, b) => a.localeCompare(b))).toEqual(all);
});

test.each(Object.entries(jobCalls))(
  "SEC6: the job id of %s is opaque: it is a job's or it is refused",
  async (method, encode) => {
    const [files, before] = [await snapshot(), await keys()];
    for (const text of corpus) {
      const code = await call(method as JobMethod, encode(asJobId(text)));
      expect([text, code]).toEqual([
        text,
        expect.stringMatching(/^(?:invalid-argument|not-found)$/),
      ]);
    }
    expect(await snapshot()).toEqual(files);
    expect(await keys()).toEqual(before);
  },
);

const bundle = new TextEncoder().encode("export default 1");
const bundleSha256 = createHash("sha256").update(bundle).digest("hex");

function planJson(texts: { readonly jobName?: string; readonly baseDirectory?: string }): string {
  const operator = { nodeId: 0, kind: "source", isKeyed: false, hasState: true, options: {} };
  return JSON.stringify({
    formatVersion: 1,
    apiVersion: 1,
    jobName: "letters",
    baseDirectory: "/",
    vertices: [
      { id: "lines", operators: [{ name: "lines", ...operator }], parallelism: "default" },
    ],
    edges: [],
    settings: {
      parallelism: "default",
      maxParallelism: 8,
      checkpoint: { intervalMs: 10_000, timeoutMs: 60_000, minPauseMs: 500, retainedCount: 2 },
      restart: { maxFailures: 3 },
    },
    ...texts,
  });
}

function submit(over: Partial<SubmitJobRequest>): Promise<string> {
  const request: SubmitJobRequest = {
    requestId: "request",
    planJson: planJson({}),
    bundle,
    bundleSha256,
    params: {},
    environment: {},
    ...over,
  };
  return call("SubmitJob", encodeCallRequest("SubmitJob", request));
}

const submissions: Readonly<Record<string, (text: string) => Partial<SubmitJobRequest>>> = {
  "request id": (requestId) => ({ requestId }),
  "bundle's hash": (sha256) => ({ bundleSha256: sha256 }),
  plan: (json) => ({ planJson: json }),
  "job's name": (jobName) => ({ planJson: planJson({ jobName }) }),
  "base directory": (baseDirectory) => ({ planJson: planJson({ baseDirectory }) }),
  "parameter's name": (name) => ({ params: Object.fromEntries([[name, 1]]) }),
  parameter: (text) => ({ params: { text } }),
  "variable's name": (name) => ({ environment: Object.fromEntries([[name, "x"]]) }),
  variable: (text) => ({ environment: { TEXT: text } }),
};

test.each(Object.entries(submissions))(
  "SEC5, SEC6: the %s of a submission names no file and no key",
  async (what, over) => {
    const ids = corpus.map((_text, index) => `${what} ${index}`);
    for (const [index, text] of corpus.entries()) {
      const code = await submit({ requestId: ids[index] ?? "", ...over(text) });
      expect([text, code]).toEqual([
        text,
        expect.stringMatching(/^(?:ok|invalid-argument|bundle-invalid)$/),
      ]);
    }
    // The one bundle there is, under the name that its content has, and the leader's own mark.
    const lines = (await snapshot()).filter((line) => !line.includes("/objects/cluster/"));
    const names = lines.map((line) => line.split(" ")[0]);
    expect(names.filter((name) => name?.endsWith("/") === false)).toEqual([
      `a/b/c/data/objects/bundles/${bundleSha256}.mjs`,
      "a/b/c/outside.txt",
      "outside.txt",
    ]);
    const folders = ["a/", "a/b/", "a/b/c/", "a/b/c/data/", "a/b/c/data/objects/"];
    const known = new Set([...folders, `${folders.at(-1)}bundles/`]);
    expect(names.filter((name = "") => name.endsWith("/") && !known.has(name))).toEqual([]);
    for (const key of await keys()) {
      expect(key).toMatch(
        /^millrace\/(?:cluster|election|leader|jobs\/[a-z0-9][a-z0-9-]{0,62}\/[a-z0-9/-]+)/,
      );
    }
    expect(await readFile(join(folder, "outside.txt"), "utf8")).toBe("untouched");
  },
);

test("SEC5: a bundle over the limit is refused and leaves nothing", async () => {
  const files = await snapshot();
  const large = new Uint8Array(defaultCoordinatorConfig.maxBundleBytes + 1);
  const sha256 = createHash("sha256").update(large).digest("hex");
  expect(await submit({ bundle: large, bundleSha256: sha256 })).toBe("bundle-too-large");
  expect(await snapshot()).toEqual(files);
});

const honest = "an-honest-worker";

test("SEC6: a worker's id is a name and nothing else", async () => {
  const [files, before] = [await snapshot(), await keys()];
  for (const text of corpus.filter((entry) => !/^[a-z0-9][a-z0-9-]{0,62}$/.test(entry))) {
    const answer = await register(text);
    expect([text, answer]).toEqual([text, expect.not.stringMatching(/welcome/)]);
  }
  expect(await register(honest)).toBe("welcome");
  expect(await snapshot()).toEqual(files);
  expect(await keys()).toEqual(before);
});

async function register(id: string): Promise<string> {
  await using client = createGrpcNetwork();
  const session = client.openSession(address);
  const answer = new Promise<string>((resolve) => {
    session.setHandlers({
      onMessage: (message) => resolve(decodeCoordinatorMessage(message).kind),
      onClose: (cause) => resolve(`closed: ${cause?.message}`),
    });
  });
  session.send(
    encodeWorkerMessage({
      kind: "register",
      protocolVersion,
      version: "1",
      workerId: id as WorkerId,
      incarnation: id,
      processId: 1,
      // Without slots no job begins to run on it.
      slots: id === honest ? [] : [{ slotIndex: 0, dataAddress: id }],
      running: [],
    }),
  );
  return await answer;
}
