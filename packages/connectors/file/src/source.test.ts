import { silentLogger, type JsonValue } from "@millrace/core";
import type { ConnectorContext, SplitDescriptor } from "@millrace/graph";
import { createMemoryDisk, createNodeClock } from "@millrace/platform";
import fc from "fast-check";
import { expect, test } from "vitest";

import { textLines } from "./source.ts";

async function contextWith(files: Readonly<Record<string, string>>): Promise<ConnectorContext> {
  const disk = createMemoryDisk();
  for (const [path, text] of Object.entries(files)) {
    await disk.makeFolder(path.slice(0, path.lastIndexOf("/")) || "/");
    await disk.writeFile(path, Buffer.from(text, "latin1"));
  }
  return {
    jobId: "words-1",
    operatorName: "lines",
    subtaskIndex: 0,
    parallelism: 1,
    attempt: 1,
    disk,
    clock: createNodeClock(),
    logger: silentLogger,
  };
}

async function readSplit(
  context: ConnectorContext,
  split: SplitDescriptor,
  position?: JsonValue,
): Promise<{ readonly lines: string[]; readonly positions: JsonValue[] }> {
  const source = textLines({ path: "/in" }).createSource({ baseDirectory: "/" });
  const handle = await source.createReader(context).open(split, position);
  const lines: string[] = [];
  const positions: JsonValue[] = [];
  for (
    let batch = await handle.nextBatch();
    batch !== undefined;
    batch = await handle.nextBatch()
  ) {
    for (const [index, line] of batch.records.entries()) {
      lines.push(line);
      positions.push(batch.positionAt(index));
    }
  }
  return { lines, positions };
}

async function discover(
  context: ConnectorContext,
  path: string,
  splitBytes: number,
): Promise<readonly SplitDescriptor[]> {
  const source = textLines({ path, splitBytes }).createSource({ baseDirectory: "/" });
  return source.discover(context);
}

test("every line is read exactly once, however the file is split", async () => {
  const line = fc.string({ unit: fc.constantFrom("a", "b", " "), maxLength: 9 });
  const property = fc.asyncProperty(
    fc.array(line, { maxLength: 30, size: "max" }),
    fc.integer({ min: 1, max: 40 }),
    fc.boolean(),
    async (lines, splitBytes, endsWithNewline) => {
      const text = lines.join("\n") + (endsWithNewline && lines.length > 0 ? "\n" : "");
      const context = await contextWith({ "/in/a.txt": text });
      const read: string[] = [];
      for (const split of await discover(context, "/in/a.txt", splitBytes)) {
        read.push(...(await readSplit(context, split)).lines);
      }
      const expected = text.endsWith("\n") ? text.slice(0, -1).split("\n") : text.split("\n");
      expect(read).toEqual(text === "" ? [] : expected);
    },
  );
  await fc.assert(property, { numRuns: 200 });
});

test("reading again from the position of a line gives that line and the rest", async () => {
  const context = await contextWith({ "/in/a.txt": "one\ntwo\r\n\nfour" });
  const [split] = await discover(context, "/in/a.txt", 1_000);
  if (split === undefined) throw new Error("no split");
  const { lines, positions } = await readSplit(context, split);
  expect(lines).toEqual(["one", "two", "", "four"]);
  for (const [index, position] of positions.entries()) {
    expect((await readSplit(context, split, position)).lines).toEqual(lines.slice(index));
  }
});

test("bytes that are not UTF-8 become replacement characters and stop nothing", async () => {
  const context = await contextWith({ "/in/a.txt": "ok\n\xff\xfe\nok" });
  const [split] = await discover(context, "/in/a.txt", 1_000);
  if (split === undefined) throw new Error("no split");
  expect((await readSplit(context, split)).lines).toEqual(["ok", "\ufffd\ufffd", "ok"]);
});

test("a folder is read by file name, without hidden files", async () => {
  const context = await contextWith({ "/in/b.txt": "b", "/in/a.txt": "a", "/in/.c": "c" });
  const ids = (await discover(context, "/in", 1_000)).map(({ id }) => id);
  expect(ids).toEqual(["a.txt:0", "b.txt:0"]);
});

test("a missing input is named with what to do", async () => {
  const context = await contextWith({});
  await expect(discover(context, "/in/none.txt", 1_000)).rejects.toMatchObject({
    code: "input-not-found",
    message: expect.stringContaining("/in/none.txt: correct the path"),
  });
});

test("an unreadable input is named with what to do", async () => {
  const context = await contextWith({ "/in/a.txt": "a" });
  const readRange = (): Promise<Uint8Array> => Promise.reject(new Error("EACCES"));
  const broken = {
    ...context,
    disk: { ...context.disk, stat: context.disk.stat.bind(context.disk), readRange },
  };
  await expect(discover(broken, "/in/a.txt", 1_000)).rejects.toMatchObject({
    code: "input-unreadable",
    message: "cannot read /in/a.txt: EACCES; check that it is there and that this user may read it",
  });
});

test("a file that changed since the job started is refused", async () => {
  const context = await contextWith({ "/in/a.txt": "a\nb\n" });
  const [split] = await discover(context, "/in/a.txt", 1_000);
  if (split === undefined) throw new Error("no split");
  await context.disk.writeFile("/in/a.txt", Buffer.from("a\n"));
  await expect(readSplit(context, split)).rejects.toMatchObject({ code: "input-unreadable" });
});
