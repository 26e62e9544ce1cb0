import { StreamError } from "@millrace/core";

/** Options of `textLines`. */
export interface TextLinesOptions {
  /** A file, or a folder whose files are read in the order of their names (not its subfolders). */
  readonly path: string;
  /** A file larger than this is read in several splits; default 64 MiB. */
  readonly splitBytes?: number;
}

/** Options of `jsonLines`. */
export interface JsonLinesOptions<T = never> {
  /** The folder that gets a folder per job id. */
  readonly path: string;
  /**
   * Returns the folder below the job's that a record goes to, such as `day=2015-07-15/minute=23`. Each that
   * gets records between two checkpoints is a file of its own, so name few at a time. Not unless set.
   */
  readonly partitionBy?: (record: T) => string;
}

const defaultSplitBytes = 64 * 1024 * 1024;

/** Returns the options with defaults; throws `invalid-argument`. */
export function parseTextLinesOptions(options: TextLinesOptions): Required<TextLinesOptions> {
  const { path, splitBytes = defaultSplitBytes } = options;
  if (!Number.isSafeInteger(splitBytes) || splitBytes < 1) {
    throw invalid(`textLines: splitBytes is ${splitBytes}: give a positive integer`);
  }
  return { path: parsePath("textLines", path), splitBytes };
}

/** Returns the options; throws `invalid-argument`. */
export function parseJsonLinesOptions<T>(options: JsonLinesOptions<T>): JsonLinesOptions<T> {
  return { ...options, path: parsePath("jsonLines", options.path) };
}

function parsePath(connector: string, path: unknown): string {
  if (typeof path === "string" && path !== "") return path;
  throw invalid(`${connector}: path is ${JSON.stringify(path)}: give the path of a file or folder`);
}

function invalid(message: string): StreamError {
  return new StreamError("invalid-argument", message, { domain: "user", retry: "never" });
}
