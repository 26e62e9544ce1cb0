import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";

import { afterAll, beforeAll, expect, test } from "vitest";

import { JobModules } from "../e2e/job-modules.ts";
import { runMillrace } from "../e2e/run-millrace.ts";
import {
  createSecurityFolder,
  freePort,
  listeningAddresses,
  startProcess,
  type SecurityFolder,
  type StartedProcess,
} from "./process-kit.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Credentials as a worker may have them around it. */
const canaries = {
  AWS_ACCESS_KEY_ID: "canary-1",
  AWS_SECRET_ACCESS_KEY: "canary-2",
  AWS_SESSION_TOKEN: "canary-3",
  AWS_WEB_IDENTITY_TOKEN_FILE: "canary-4",
  MILLRACE_ETCD_USERNAME: "canary-5",
  MILLRACE_ETCD_PASSWORD: "canary-6",
  MILLRACE_TOKEN: "canary-7",
  DATABASE_URL: "canary-8",
};
const letters = "abcdefghijklmnopqrstuvwxyz".split("");
const passed = { MILLRACE_TEST_PASSED: "passed on" };

let security: SecurityFolder;
let modules: JobModules;
let address = "";
const processes: StartedProcess[] = [];

beforeAll(async () => {
  security = await createSecurityFolder([
    { name: "ci", role: "submit", sha256: sha256("token-ci") },
    { name: "eyes", role: "read", sha256: sha256("token-eyes") },
  ]);
  modules = await JobModules.create();
  await writeFile(join(security.folder, "ci"), "token-ci\n");
  await writeFile(join(security.folder, "eyes"), "token-eyes\n");
  address = `127.0.0.1:${await freePort()}`;
  const data = ["--data", join(security.folder, "data")];
  const own = ["coordinator", "--bind", address, ...data, ...security.tokens];
  processes.push(await startProcess([...own, ...security.tls("coordinator")]));
  for (const id of ["w1", "w2"]) {
    const place = ["--coordinator", address, ...data, "--data-host", "127.0.0.1"];
    const all = ["worker", "--id", id, ...place, ...security.tls("worker")];
    const environment = { ...canaries, ...passed };
    processes.push(await startProcess([...all, "--pass-env", "MILLRACE_TEST_PASSED"], environment));
  }
});

afterAll(async () => {
  for (const one of processes) await one[Symbol.asyncDispose]();
  await modules[Symbol.asyncDispose]();
  await security[Symbol.asyncDispose]();
});

/** Flags of a command that believes the authority and shows the token. */
function asking(token: "ci" | "eyes"): readonly string[] {
  const ca = join(security.folder, "ca.pem");
  return ["--coordinator", address, "--tls-ca", ca, "--token-file", join(security.folder, token)];
}

async function readRows(folder: string): Promise<readonly unknown[]> {
  const files = (await readdir(folder, { recursive: true })).filter((name) =>
    name.endsWith(".jsonl"),
  );
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), "utf8")));
  return texts
    .flatMap((text) => text.trim().split("\n"))
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line));
}

test("SEC3, SEC4: a job runs over TLS on two workers, and its functions see no credentials", async () => {
  const out = join(security.folder, "out");
  await mkdir(out);
  const path = await modules.add(
    "environment.ts",
    `
    import { workerData } from "node:worker_threads";

    export default defineJob("environment", (job) => {
      job.source("letters", elements([..."abcdefghijklmnopqrstuvwxyz"]))
        .keyBy((letter) => letter)
        .process("looks", {
          emits: type<{ letter: string; variables: string; start: string }>(),
          state: {},
          onRecord(letter, context) {
            context.emit({
              letter,
              variables: JSON.stringify(process.env),
              start: JSON.stringify(workerData, (_key, value) =>
                value instanceof SharedArrayBuffer ? null : value),
            });
          },
        })
        .sink("board", jsonLines({ path: ${JSON.stringify(out)} }));
    });`,
  );
  const result = await runMillrace("run", path, "--parallelism", "2", ...asking("ci"));
  expect([result.exitCode, result.stderr]).toEqual([0, expect.any(String)]);
  const rows = (await readRows(out)) as readonly Record<string, string>[];
  expect(rows.map(({ letter }) => letter).toSorted((a = "", b = "") => a.localeCompare(b))).toEqual(
    letters,
  );
  // Both workers did a part, so that records went over the data sockets.
  const workers = new Set(rows.map(({ start = "{}" }) => workerOf(JSON.parse(start))));
  expect(workers).toEqual(new Set(["w1", "w2"]));
  for (const { variables = "", start = "" } of rows) {
    expect(JSON.parse(variables)).toMatchObject(passed);
    expect(variables).not.toMatch(/canary|AWS_|ETCD|MILLRACE_TOKEN/);
    expect(start).not.toMatch(/PRIVATE KEY|BEGIN CERTIFICATE|canary/);
  }
});

function workerOf(start: unknown): unknown {
  return typeof start === "object" && start !== null && "workerId" in start ? start.workerId : "";
}

test("SEC3: each worker's data sockets ask for a certificate", async () => {
  for (const { processId } of processes.slice(1)) {
    await expect.poll(() => listeningAddresses(processId)).toHaveLength(1);
    const [listening = ""] = await listeningAddresses(processId);
    const port = Number(listening.split(":").at(-1));
    const ca = security.authority.pair.certificate;
    const checkServerIdentity = (): undefined => undefined;
    const socket = connect({ host: "127.0.0.1", port, ca, checkServerIdentity });
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    expect(socket.getProtocol()).toBe("TLSv1.3");
    expect(socket.getPeerCertificate().subjectaltname).toContain("URI:millrace://mill/worker/");
    // Without a certificate of ours it is shut again, and the worker says why.
    await once(socket, "close");
  }
  for (const { log } of processes.slice(1)) {
    await expect.poll(() => log.join("\n")).toContain("shows no certificate");
  }
});

test("SEC2: a command is refused by code, sentence and exit code, and told what to do", async () => {
  const ca = ["--tls-ca", join(security.folder, "ca.pem")];
  const none = await runMillrace("list", "--coordinator", address, ...ca);
  expect(none.exitCode).toBe(2);
  expect(none.stderr).toContain("error[unauthenticated]: this call needs a token");
  expect(none.stderr).toContain("--token-file, or MILLRACE_TOKEN");
  expect(await runMillrace("list", ...asking("eyes"))).toMatchObject({ exitCode: 0 });
  const denied = await runMillrace("cancel", "some-job", ...asking("eyes"));
  expect(denied.exitCode).toBe(2);
  expect(denied.stderr).toContain("error[permission-denied]: token eyes has the role read, this ");
  const plain = await runMillrace("list", "--coordinator", address);
  expect(plain.exitCode).toBe(2);
  expect(plain.stderr).toContain(`error[tls-failed]: the coordinator at ${address} speaks TLS`);
  const wrong = join(security.folder, "wrong-ca.pem");
  const { TestAuthority } = await import("./test-certificates.ts");
  await writeFile(wrong, (await TestAuthority.create()).pair.certificate);
  const flags = ["--tls-ca", wrong, "--token-file", join(security.folder, "ci")];
  const distrusted = await runMillrace("list", "--coordinator", address, ...flags);
  expect(distrusted.exitCode).toBe(2);
  expect(distrusted.stderr).toContain("which is not the authority that is believed here");
});

test("SEC2: a token is not sent beyond this machine in plain text", async () => {
  const token = ["--token-file", join(security.folder, "ci")];
  const where = ["list", "--coordinator", "192.0.2.1:1"];
  const refused = await runMillrace(...where, ...token);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain("error[tls-failed]: the token is not sent to 192.0.2.1:1 in ");
});
