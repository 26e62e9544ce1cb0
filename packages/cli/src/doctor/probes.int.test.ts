import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createNodeClock } from "@millrace/platform";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createAuthority } from "../security/certificate-authority.ts";
import { judgeCertificateTimes } from "./judge-machine.ts";
import { checkKeyPair, probeClock, probeFolder, readCertificates } from "./probe-machine.ts";
import { probeMetadata } from "./probe-metadata.ts";
import { probeObjects } from "./probe-objects.ts";

const clock = createNodeClock();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-doctor-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("a folder that is not there yet is probed where it would be made, and nothing stays", async () => {
  expect(await probeFolder(join(folder, "a/b"))).toMatchObject({ kind: "usable" });
  expect(await readdir(folder)).toEqual([]);
  const file = join(folder, "file");
  await writeFile(file, "");
  expect(await probeFolder(join(file, "data"))).toMatchObject({
    kind: "failed",
    error: { code: "folder-not-writable" },
  });
});

test("stores that are not there are not made", async () => {
  const dataFolder = join(folder, "nowhere");
  const metadata = await probeMetadata({ dataFolder, environment: {} }, clock, "n");
  const objects = await probeObjects({ dataFolder }, clock, "n");
  expect([metadata.kind, objects.facts.kind]).toEqual(["absent", "absent"]);
  expect(await readdir(folder)).not.toContain("nowhere");
  const wrong = await probeObjects({ dataFolder, objects: "ftp://x" }, clock, "n");
  expect(wrong.facts).toMatchObject({ kind: "used" });
});

test("the clock of an HTTP server is read from whatever it answers", async () => {
  const server = createServer((_request, answer) => {
    answer.writeHead(403, { date: new Date(Date.now() + 7_200_000).toUTCString() }).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const facts = await probeClock("S3", `http://127.0.0.1:${port}`);
  server.close();
  expect(Math.abs((facts?.offsetMs ?? 0) - 7_200_000)).toBeLessThan(5_000);
  expect(await probeClock("S3", "http://127.0.0.1:9")).toBeUndefined();
});

test("an expired certificate is found, and so is the key of another one", async () => {
  const dayMs = 86_400_000;
  const nowMs = clock.wallMs();
  const notBefore = new Date(nowMs - 10 * dayMs);
  const old = await createAuthority("lab", { notBefore, notAfter: new Date(nowMs - dayMs) });
  const good = await createAuthority("lab", { notBefore, notAfter: new Date(nowMs + 90 * dayMs) });
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  };
  const certificate = await write("both.pem", `${old.certificate}\n${good.certificate}`);
  const facts = await readCertificates("--tls-ca", certificate);
  expect(facts.map((one) => judgeCertificateTimes(one, nowMs).code)).toEqual(["tls-failed", "ok"]);
  const own = await write("good.pem", good.certificate);
  await checkKeyPair(own, await write("good-key.pem", good.privateKey));
  await expect(checkKeyPair(own, await write("old-key.pem", old.privateKey))).rejects.toMatchObject(
    { code: "tls-failed" },
  );
  await expect(readCertificates("--tls-ca", join(folder, "none.pem"))).rejects.toMatchObject({
    code: "invalid-argument",
  });
});
