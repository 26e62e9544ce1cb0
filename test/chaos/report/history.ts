import { once } from "node:events";
import { createWriteStream } from "node:fs";

/** Everything that happened in a run, one JSON object a line, in the order in which it was heard. */
export interface History extends AsyncDisposable {
  write(kind: string, what: object): void;
}

/** Returns a history that is written to the file as it goes; `atMs` is wall time. */
export function openHistory(path: string): History {
  const stream = createWriteStream(path);
  return {
    write: (kind, what) => {
      stream.write(`${JSON.stringify({ atMs: Date.now(), kind, ...what }, toJson)}\n`);
    },
    [Symbol.asyncDispose]: async () => {
      stream.end();
      await once(stream, "close");
    },
  };
}

function toJson(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  return value instanceof Map ? [...value] : value;
}
