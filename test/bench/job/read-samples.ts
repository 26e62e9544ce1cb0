import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Point } from "../process/cpu-time.ts";

/** Returns the progress that subtasks wrote, one list each, such as those of `source` or `sink`. */
export async function readSamples(
  folder: string,
  kind: "source" | "sink",
): Promise<readonly (readonly Point[])[]> {
  const names = await readdir(folder).catch((): readonly string[] => []);
  const wanted = names.filter((name) => name.startsWith(`${kind}-`) && name.endsWith(".samples"));
  return Promise.all(
    wanted.map(async (name) => parseSamples(await readFile(join(folder, name), "utf8"))),
  );
}

/** Returns the points of a sample file; a line that is not whole yet is left out. */
export function parseSamples(text: string): readonly Point[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [atMs = "", value = ""] = line.split(" ");
      return { atMs: Number(atMs), value: Number(value) };
    });
}
