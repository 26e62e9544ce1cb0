/** Files of this machine, as sources and sinks see them. Paths are absolute. */
export interface LocalDisk {
  /** Returns the file's size, or undefined if there is no file. */
  stat(path: string): Promise<FileStat | undefined>;
  /** Returns the bytes [offset, offset + length), fewer at the end of the file. */
  readRange(path: string, range: ByteRange): Promise<Uint8Array>;
  /** Returns the names in a folder, sorted; none if there is no folder. */
  list(path: string): Promise<readonly string[]>;
  /** Makes the folder and its parents; throws `folder-not-writable`. */
  makeFolder(path: string): Promise<void>;
  /** Replaces the file; returns when it is durable. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Appends to the file, creating it; not durable before `sync`. Calls for a path are serial. */
  append(path: string, bytes: Uint8Array): Promise<void>;
  /** Returns when all that was appended to the file, and its entry in its folder, is durable. */
  sync(path: string): Promise<void>;
  /** Moves a file, durably; replaces the target. Throws `not-found` if there is no such file. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file if it is there. */
  remove(path: string): Promise<void>;
}

export interface FileStat {
  readonly sizeBytes: number;
  readonly isFolder: boolean;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}
