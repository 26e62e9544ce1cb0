import { assert, StreamError, type JsonValue, type LocalDisk } from "@millrace/core";
import {
  resolvePath,
  type ConnectorContext,
  type SourceBatch,
  type SourceFactory,
  type SourceReader,
  type SplitDescriptor,
  type SplitHandle,
} from "@millrace/graph";

import { cutLines, maxLineBytes } from "./codec.ts";
import { parseTextLinesOptions, type TextLinesOptions } from "./options.ts";

/*
 * Reads the lines of text files. A split is a range of bytes of one file: it owns the lines that
 * begin in it. A position is the offset of the byte where the next line begins.
 */

const chunkBytes = 256 * 1024;
const maxBatchLines = 8_192;
const newline = 10;

/**
 * Returns a replayable source of the lines of a file, or of the files of a folder, without their line
 * ends. Throws `input-not-found` and `input-unreadable` when the job starts.
 */
export function textLines(options: TextLinesOptions): SourceFactory<string> {
  const { path, splitBytes } = parseTextLinesOptions(options);
  return {
    createSource: ({ baseDirectory }) => {
      const absolute = resolvePath(baseDirectory, path);
      return {
        connector: "file",
        options: { path: absolute, splitBytes },
        canReplay: true,
        discover: (context) => discoverSplits(context.disk, absolute, splitBytes),
        createReader: (context) => createReader(context),
      };
    },
  };
}

interface ByteSplit {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly fileBytes: number;
}

async function discoverSplits(
  disk: LocalDisk,
  path: string,
  splitBytes: number,
): Promise<readonly SplitDescriptor[]> {
  const splits: SplitDescriptor[] = [];
  for (const file of await findFiles(disk, path)) {
    for (let start = 0; start < file.sizeBytes; start += splitBytes) {
      const end = Math.min(start + splitBytes, file.sizeBytes);
      const descriptor = { path: file.path, start, end, fileBytes: file.sizeBytes };
      const name = file.path.slice(file.path.lastIndexOf("/") + 1);
      splits.push({ id: `${name}:${start}`, descriptor });
    }
  }
  return splits;
}

interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
}

async function findFiles(disk: LocalDisk, path: string): Promise<readonly FoundFile[]> {
  const stat = await guard(path, () => disk.stat(path));
  if (stat === undefined) {
    throw new StreamError(
      "input-not-found",
      `there is no file or folder ${path}: correct the path of textLines (a relative path resolves where the job is submitted)`,
      { domain: "user", retry: "never" },
    );
  }
  if (!stat.isFolder) {
    // An unreadable file fails here, before anything is deployed for it.
    await guard(path, () => disk.readRange(path, { offset: 0, length: 1 }));
    return [{ path, sizeBytes: stat.sizeBytes }];
  }
  const found: FoundFile[] = [];
  for (const name of await guard(path, () => disk.list(path))) {
    const child = `${path}/${name}`;
    const childStat = await guard(child, () => disk.stat(child));
    if (childStat?.isFolder === false && !name.startsWith(".")) {
      found.push({ path: child, sizeBytes: childStat.sizeBytes });
    }
  }
  return found;
}

function createReader(context: ConnectorContext): SourceReader<string> {
  return {
    open: async (split, position) => {
      const range = parseByteSplit(split.descriptor);
      await checkUnchanged(context.disk, range);
      const offset = position === undefined ? undefined : parsePosition(position);
      return createHandle(
        context.disk,
        range,
        offset ?? (await findFirstLine(context.disk, range)),
      );
    },
  };
}

async function checkUnchanged(disk: LocalDisk, range: ByteSplit): Promise<void> {
  const stat = await guard(range.path, () => disk.stat(range.path));
  if (stat?.sizeBytes === range.fileBytes) return;
  const now =
    stat === undefined ? "is gone" : `has ${stat.sizeBytes} bytes instead of ${range.fileBytes}`;
  throw unreadable(range.path, `it ${now} since the job started; restore the file as it was`);
}

// A line that begins before the split belongs to the split before.
async function findFirstLine(disk: LocalDisk, range: ByteSplit): Promise<number> {
  if (range.start === 0) return 0;
  let offset = range.start - 1;
  while (offset < range.end) {
    const bytes = await read(disk, range, { offset, length: chunkBytes });
    const found = bytes.indexOf(newline);
    if (found >= 0) return offset + found + 1;
    if (bytes.length === 0) break;
    offset += bytes.length;
  }
  return range.end;
}

function createHandle(disk: LocalDisk, range: ByteSplit, first: number): SplitHandle<string> {
  let offset = first;
  return {
    nextBatch: async () => {
      if (offset >= range.end) return undefined;
      const batch = await readBatch(disk, range, offset);
      if (batch === undefined) {
        offset = range.end;
        return undefined;
      }
      offset = batch.nextOffset;
      return batch;
    },
    close: () => Promise.resolve(),
  };
}

interface LineBatch extends SourceBatch<string> {
  readonly nextOffset: number;
}

async function readBatch(
  disk: LocalDisk,
  range: ByteSplit,
  offset: number,
): Promise<LineBatch | undefined> {
  for (let length = chunkBytes; length <= maxLineBytes; length *= 4) {
    const bytes = await read(disk, range, { offset, length });
    const { lines, starts } = cutLines(bytes, {
      startsBefore: range.end - offset,
      maxLines: maxBatchLines,
      isEndOfFile: offset + bytes.length >= range.fileBytes,
    });
    if (bytes.length === 0) return undefined;
    if (lines.length > 0) {
      const positionAt = (index: number): JsonValue => offset + (starts[index] ?? 0);
      return { records: lines, positionAt, nextOffset: offset + (starts.at(-1) ?? 0) };
    }
  }
  throw new StreamError(
    "record-too-large",
    `${range.path} has a line longer than ${maxLineBytes} bytes at offset ${offset}: is it a text file?`,
    { domain: "user", retry: "never" },
  );
}

function read(
  disk: LocalDisk,
  range: ByteSplit,
  bytes: { readonly offset: number; readonly length: number },
): Promise<Uint8Array> {
  return guard(range.path, () => disk.readRange(range.path, bytes));
}

async function guard<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (StreamError.is(error, "input-unreadable")) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw unreadable(
      path,
      `${reason}; check that it is there and that this user may read it`,
      error,
    );
  }
}

function unreadable(path: string, reason: string, cause?: unknown): StreamError {
  return new StreamError("input-unreadable", `cannot read ${path}: ${reason}`, {
    domain: "user",
    retry: "never",
    cause,
  });
}

function parseByteSplit(descriptor: JsonValue): ByteSplit {
  assert(
    typeof descriptor === "object" && descriptor !== null && "path" in descriptor,
    "a split of textLines is not an object",
  );
  const { path, start, end, fileBytes } = descriptor;
  assert(
    typeof path === "string" &&
      typeof start === "number" &&
      typeof end === "number" &&
      typeof fileBytes === "number",
    "a split of textLines has no path and range",
  );
  return { path, start, end, fileBytes };
}

function parsePosition(position: JsonValue): number {
  assert(typeof position === "number", "a position of textLines is not a number");
  return position;
}
