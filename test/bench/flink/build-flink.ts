import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The program of a JVM: the one on the PATH. */
export const java: string = "java";
/** Where the Java sources stand, and what they are built into. */
export const flinkFolder: string = fileURLToPath(new URL(".", import.meta.url));
/** The jobs and Flink itself, for every JVM of a cluster. */
export const classPath: string = [
  join(flinkFolder, "target/classes"),
  join(flinkFolder, "target/lib/*"),
].join(":");

/**
 * Builds the jobs and fetches Flink (about 150 MB, once). Throws what to install where Java 17 or Maven is
 * missing.
 */
export async function buildFlink(note: (line: string) => void): Promise<void> {
  await need(java, ["-version"], "a JDK 17: apt-get install openjdk-17-jdk-headless");
  await need("mvn", ["--version"], "Maven: apt-get install maven");
  const isFetched = await access(join(flinkFolder, "target/lib")).then(
    () => true,
    () => false,
  );
  if (!isFetched) note("fetching Flink from Maven Central");
  await run("mvn", ["-q", "-B", "package"], { cwd: flinkFolder, maxBuffer: 2 ** 24 });
}

async function need(program: string, args: readonly string[], what: string): Promise<void> {
  try {
    await run(program, args);
  } catch (cause) {
    throw new Error(`--against flink needs ${program}, which does not run: install ${what}`, {
      cause,
    });
  }
}
