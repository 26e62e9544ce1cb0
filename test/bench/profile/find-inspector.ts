import { readdir, readFile, readlink } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

const openMs = 3_000;
const pollMs = 100;

/**
 * Opens the inspector of a process with SIGUSR1 and returns its WebSocket. Only ports that this very process
 * listens on are asked: Node's usual one may be another's, who must not be profiled in its place. Throws
 * where the process opens none.
 */
export async function openInspector(processId: number): Promise<string> {
  process.kill(processId, "SIGUSR1");
  const giveUpAtMs = performance.now() + openMs;
  while (performance.now() < giveUpAtMs) {
    await delay(pollMs);
    for (const port of await findListeningPorts(processId)) {
      const url = await askForTarget(port);
      if (url !== undefined) return url;
    }
  }
  throw new Error(
    `process ${processId} opened no inspector: another process may have port 9229; ` +
      "start it with NODE_OPTIONS=--inspect-port=127.0.0.1:0 to let it take any",
  );
}

/** Returns the TCP ports of IPv4 that a process listens on, from `/proc`. */
async function findListeningPorts(processId: number): Promise<readonly number[]> {
  const folder = `/proc/${processId}/fd`;
  const links = await Promise.all(
    (await readdir(folder)).map((name) => readlink(`${folder}/${name}`).catch(() => "")),
  );
  const own = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  return parseListening(await readFile(`/proc/${processId}/net/tcp`, "utf8"))
    .filter(({ inode }) => own.has(inode))
    .map(({ port }) => port);
}

/** Returns the listening sockets of a table as `/proc/net/tcp` shows it. */
export function parseListening(
  table: string,
): readonly { readonly port: number; readonly inode: string }[] {
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === listenState)
    .map((fields) => ({
      port: Number.parseInt(fields[1]?.split(":")[1] ?? "", 16),
      inode: fields[9] ?? "",
    }));
}

const listenState = "0A";

async function askForTarget(port: number): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(1_000);
    const answer = await fetch(`http://127.0.0.1:${port}/json/list`, { signal });
    return /"(ws:[^"]+)"/.exec(await answer.text())?.[1];
  } catch {
    // Another of the process's ports.
    return undefined;
  }
}
