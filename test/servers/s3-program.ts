import { execFile } from "node:child_process";
import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { findProgram, installByGo, locateProgram, serverCache } from "./locate-program.ts";

export type S3ServerKind = "versitygw" | "s3proxy" | "minio";

/** What runs an S3 server. */
export interface S3Program {
  readonly kind: S3ServerKind;
  /** The path of an executable. */
  readonly program: string;
}

const versitygwModule = "github.com/versity/versitygw/cmd/versitygw@v1.8.0";
const s3proxyArtifact = "org.gaul:s3proxy:4.1.0:jar:jar-with-dependencies";
const s3proxyJar = "s3proxy-4.1.0-jar-with-dependencies.jar";
const mavenTimeoutMs = 15 * 60_000;
const remedy =
  "put versitygw on the PATH, or install Go 1.25 or newer, or Java 17 or newer and Maven";

/**
 * Returns an S3 server for tests: versitygw from the PATH, the cache, or built by Go; S3Proxy from
 * the same places or by Maven where there is no Go. Throws what to install: a test without its
 * server fails.
 */
export async function provideS3Program(): Promise<S3Program> {
  const found = (await findS3Program("versitygw")) ?? (await findS3ProxyWithoutGo());
  if (found !== undefined) return found;
  if ((await findProgram("go")) !== undefined) {
    const install = (folder: string): Promise<void> => installByGo(versitygwModule, folder);
    const program = await locateProgram({ program: "versitygw", install, remedy });
    return { kind: "versitygw", program };
  }
  const program = await locateProgram({ program: "s3proxy", install: installS3proxy, remedy });
  return { kind: "s3proxy", program };
}

/** Returns the server if `MILLRACE_<KIND>`, the PATH or the cache has it; installs nothing. */
export async function findS3Program(kind: S3ServerKind): Promise<S3Program | undefined> {
  const named = process.env[`MILLRACE_${kind.toUpperCase()}`];
  if (named !== undefined && named !== "") {
    await access(named);
    return { kind, program: named };
  }
  const program = await findProgram(kind);
  return program === undefined ? undefined : { kind, program };
}

async function findS3ProxyWithoutGo(): Promise<S3Program | undefined> {
  return (await findProgram("go")) === undefined ? findS3Program("s3proxy") : undefined;
}

/** Puts the jar into the cache and a script of the server's name, which runs it, into the folder. */
async function installS3proxy(folder: string): Promise<void> {
  const options = [
    `-Dartifact=${s3proxyArtifact}`,
    "-Dtransitive=false",
    `-DoutputDirectory=${serverCache}`,
  ];
  const timeout = mavenTimeoutMs;
  await promisify(execFile)("mvn", ["-q", "-B", "dependency:copy", ...options], { timeout });
  const script = `#!/bin/sh\nexec java -jar '${join(serverCache, s3proxyJar)}' "$@"\n`;
  await writeFile(join(folder, "s3proxy"), script, { mode: 0o755 });
}
