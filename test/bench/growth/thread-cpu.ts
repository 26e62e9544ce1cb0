import { readdir, readFile } from "node:fs/promises";

/**
 * Returns CPU milliseconds of the threads that a process has now, to a microsecond: for one that stands idle the
 * ticks of `/proc/<id>/stat` are too long. Those of threads that have ended are not in it.
 */
export async function readThreadCpuMs(processId: number): Promise<number> {
  const folder = `/proc/${processId}/task`;
  const texts = await Promise.all(
    (await readdir(folder)).map((thread) =>
      readFile(`${folder}/${thread}/schedstat`, "utf8").catch(() => "0"),
    ),
  );
  return texts.reduce((sum, text) => sum + Number(text.split(" ")[0]) / 1e6, 0);
}
