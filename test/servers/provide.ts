/**
 * Gets the programs that the tests need beyond Node, before the tests begin: an installation beside
 * them would slow them down. What is missing is said here, and fails the tests that need it.
 */
import { provideBuildah } from "./buildah.ts";
import { provideEtcd } from "./etcd.ts";
import { provideHelm } from "./helm.ts";
import { provideS3Program } from "./s3-program.ts";

const programs = [
  ["etcd", provideEtcd],
  ["an S3 server", async () => (await provideS3Program()).program],
  ["buildah", provideBuildah],
  ["helm", provideHelm],
] as const;

for (const [name, provide] of programs) {
  const startedAtMs = Date.now();
  try {
    const path = await provide();
    const seconds = ((Date.now() - startedAtMs) / 1_000).toFixed(0);
    process.stdout.write(`${name}: ${path} (${seconds} s)\n`);
  } catch (error) {
    process.stdout.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
