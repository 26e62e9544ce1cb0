/**
 * Whole objects under names; an object is written once and never changed. Every call may fail with
 * `unavailable`; a put that failed may have happened (names are never used twice, F11). Nothing
 * rests on conditional puts.
 */
export interface ObjectStore extends AsyncDisposable {
  /** Returns when the object is durable. Parts are concatenated. */
  put(name: string, parts: readonly Uint8Array[], signal?: AbortSignal): Promise<void>;
  /** Returns the object or the range of it; throws `not-found`. */
  get(name: string, range?: ObjectRange, signal?: AbortSignal): Promise<Uint8Array>;
  /** Returns the size in bytes, or undefined if there is no such object. */
  stat(name: string): Promise<number | undefined>;
  /** Returns the objects whose names begin with the prefix, by name. */
  list(prefix: string): Promise<readonly ObjectInfo[]>;
  /** Removes the objects; those that are not there are no error. */
  remove(names: readonly string[]): Promise<void>;
}

export interface ObjectRange {
  readonly offset: number;
  readonly length: number;
}

export interface ObjectInfo {
  readonly name: string;
  readonly sizeBytes: number;
}
