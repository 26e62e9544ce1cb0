import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { provideBuildah } from "../servers/buildah.ts";
import { at, fieldsOf, listOf, textOf, type Json } from "./json.ts";

const run = promisify(execFile);
const scriptPath = fileURLToPath(new URL("../../deploy/docker/build-local.sh", import.meta.url));
const buildTimeoutMs = 10 * 60_000;
const imageName = "localhost/millrace:test";

/** The image that was built here, and its root as a folder. */
export interface BuiltImage extends AsyncDisposable {
  readonly root: string;
  readonly buildMs: number;
  readonly sizeBytes: number;
  readonly config: ImageConfig;
}

/** What an image says of the processes in it. */
export interface ImageConfig {
  readonly user: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingFolder: string;
  readonly volumes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Builds the image in a storage of its own and mounts it; needs root and buildah, or throws. */
export async function buildImage(): Promise<BuiltImage> {
  if (process.getuid?.() !== 0) {
    throw new Error("the test of the image needs root: it mounts the image; run the tests as root");
  }
  const buildah = await provideBuildah();
  const storage = await mkdtemp(join(tmpdir(), "millrace-image-"));
  const places = ["--root", join(storage, "root"), "--runroot", join(storage, "run")];
  const call = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await run(buildah, ["--storage-driver", "vfs", ...places, ...args]);
    return stdout.trim();
  };
  const dispose = async (): Promise<void> => {
    await call("umount", "--all").catch(() => "");
    await rm(storage, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    const startedAtMs = performance.now();
    await run(scriptPath, [imageName], {
      env: { ...process.env, STORAGE_ROOT: storage },
      timeout: buildTimeoutMs,
    });
    const buildMs = performance.now() - startedAtMs;
    const container = await call("from", imageName);
    const root = await call("mount", container);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is JSON
    const inspected = JSON.parse(await call("inspect", "--type", "image", imageName)) as Json;
    const config = parseConfig(at(inspected, "OCIv1", "config"));
    const sizeBytes = await measureFolder(root);
    return { root, buildMs, sizeBytes, config, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function parseConfig(config: Json | undefined): ImageConfig {
  const labels = Object.entries(fieldsOf(at(config, "Labels")));
  const variables = listOf(at(config, "Env")).map((entry) => splitAtEqual(textOf(entry)));
  return {
    user: textOf(at(config, "User")),
    environment: Object.fromEntries(variables),
    entrypoint: listOf(at(config, "Entrypoint")).map(textOf),
    command: listOf(at(config, "Cmd")).map(textOf),
    workingFolder: textOf(at(config, "WorkingDir")),
    volumes: Object.keys(fieldsOf(at(config, "Volumes"))),
    labels: Object.fromEntries(labels.map(([name, value]) => [name, textOf(value)])),
  };
}

/** Returns what the last stage of a Dockerfile says; builds nothing, and knows only what ours uses. */
export function parseDockerfile(text: string): ImageConfig {
  const lines = text.replaceAll(/\\\n\s*/g, " ").split("\n");
  const lastStage = lines.findLastIndex((line) => line.startsWith("FROM "));
  const told = (instruction: string): readonly string[] =>
    lines
      .slice(lastStage)
      .filter((line) => line.startsWith(`${instruction} `))
      .map((line) => line.slice(instruction.length).trim());
  const pairs = (instruction: string): Readonly<Record<string, string>> =>
    Object.fromEntries(
      told(instruction).flatMap((line) =>
        [...line.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)].map(
          ([, name = "", quoted, bare = ""]) => [name, quoted ?? bare] as const,
        ),
      ),
    );
  return {
    user: told("USER").at(-1) ?? "",
    environment: pairs("ENV"),
    entrypoint: parseTexts(told("ENTRYPOINT").at(-1)),
    command: parseTexts(told("CMD").at(-1)),
    workingFolder: told("WORKDIR").at(-1) ?? "",
    volumes: told("VOLUME"),
    labels: pairs("LABEL"),
  };
}

function parseTexts(text = "[]"): readonly string[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is JSON
  return listOf(JSON.parse(text) as Json).map(textOf);
}

function splitAtEqual(text: string): readonly [name: string, value: string] {
  const index = text.indexOf("=");
  return [text.slice(0, index), text.slice(index + 1)];
}

async function measureFolder(folder: string): Promise<number> {
  const { stdout } = await run("du", ["--summarize", "--bytes", folder]);
  return Number(stdout.split("\t")[0]);
}
