import { DatabaseSync, type StatementSync } from "node:sqlite";

import { StreamError, type Clock } from "@millrace/core";

import { holds } from "./memory-store.ts";
import type {
  MetadataEntry,
  MetadataStore,
  MetadataTransaction,
  MetadataWrite,
  TransactionResult,
  WatchHandlers,
} from "./metadata-store.ts";

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA busy_timeout = 5000;
  CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY, value TEXT NOT NULL,
    create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS revision (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL) STRICT;
  INSERT OR IGNORE INTO revision VALUES (1, 0);
`;

/** How often a watch looks for changes; deletions are seen as keys that are gone. */
const watchPeriodMs = 200;

interface Statements {
  readonly get: StatementSync;
  readonly list: StatementSync;
  readonly put: StatementSync;
  readonly remove: StatementSync;
  readonly readRevision: StatementSync;
  readonly writeRevision: StatementSync;
}

/**
 * Returns a metadata store in a SQLite file, for one machine: durable (WAL, synchronous FULL) and
 * shared by processes. A transaction is IMMEDIATE, so compares and writes are one step. Throws
 * `folder-not-writable` if the file cannot be opened for writing.
 */
export function openSqliteMetadataStore(path: string, clock: Clock): MetadataStore {
  const database = openDatabase(path);
  const statements: Statements = {
    get: prepare(database, "SELECT * FROM entries WHERE key = ?"),
    list: prepare(
      database,
      "SELECT * FROM entries WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key",
    ),
    put: prepare(
      database,
      `INSERT INTO entries VALUES (?1, ?2, ?3, ?3)
       ON CONFLICT (key) DO UPDATE SET value = ?2, mod_revision = ?3`,
    ),
    remove: prepare(database, "DELETE FROM entries WHERE key = ?"),
    readRevision: prepare(database, "SELECT value FROM revision"),
    writeRevision: prepare(database, "UPDATE revision SET value = ?"),
  };
  const watches = new Set<Disposable>();
  const list = (prefix: string) => ({
    entries: statements.list.all(prefix).map(toEntry),
    revision: readRevision(statements),
  });
  return {
    get: async (key) => guard(() => toOptionalEntry(statements.get.get(key))),
    list: async (prefix) => guard(() => inTransaction(database, "DEFERRED", () => list(prefix))),
    transact: async (transaction) =>
      guard(() => inTransaction(database, "IMMEDIATE", () => apply(statements, transaction))),
    watch(prefix, afterRevision, handlers) {
      const watch = poll({ clock, read: () => guard(() => list(prefix)), handlers, afterRevision });
      watches.add(watch);
      return watch;
    },
    async [Symbol.asyncDispose]() {
      for (const watch of watches) watch[Symbol.dispose]();
      if (database.isOpen) database.close();
    },
  };
}

function openDatabase(path: string): DatabaseSync {
  try {
    const database = new DatabaseSync(path);
    database.exec(schema);
    return database;
  } catch (cause) {
    throw new StreamError(
      "folder-not-writable",
      `metadata file ${path} cannot be opened for writing; check the folder and its owner`,
      { domain: "external", retry: "never", cause },
    );
  }
}

function prepare(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  return statement;
}

function inTransaction<Result>(
  database: DatabaseSync,
  mode: "DEFERRED" | "IMMEDIATE",
  work: () => Result,
): Result {
  database.exec(`BEGIN ${mode}`);
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (caught) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw caught;
  }
}

function apply(
  statements: Statements,
  { compares, writes }: MetadataTransaction,
): TransactionResult {
  const isHeld = compares.every((compare) =>
    holds(compare, toOptionalEntry(statements.get.get(compare.key))),
  );
  const before = readRevision(statements);
  if (!isHeld || writes.length === 0) return { isApplied: isHeld, revision: before };
  const revision = before + 1n;
  statements.writeRevision.run(revision);
  for (const write of writes) applyWrite(statements, write, revision);
  return { isApplied: true, revision };
}

function applyWrite(statements: Statements, write: MetadataWrite, revision: bigint): void {
  if (write.kind === "delete") statements.remove.run(write.key);
  else statements.put.run(write.key, write.value, revision);
}

function readRevision(statements: Statements): bigint {
  return BigInt(statements.readRevision.get()?.["value"]?.toString() ?? "0");
}

type Row = ReturnType<StatementSync["get"]>;

function toOptionalEntry(row: Row): MetadataEntry | undefined {
  return row === undefined ? undefined : toEntry(row);
}

function toEntry(row: NonNullable<Row>): MetadataEntry {
  return {
    key: String(row["key"]),
    value: String(row["value"]),
    createRevision: BigInt(String(row["create_revision"])),
    modRevision: BigInt(String(row["mod_revision"])),
  };
}

/** Other processes write too, so a watch compares what it knows with what is there. */
function poll(options: {
  readonly clock: Clock;
  readonly read: () => { readonly entries: readonly MetadataEntry[]; readonly revision: bigint };
  readonly handlers: WatchHandlers;
  readonly afterRevision: bigint;
}): Disposable {
  const { clock, read, handlers, afterRevision } = options;
  let known = new Map<string, bigint>();
  let isFirst = true;
  let timer: Disposable;
  const look = (): void => {
    const { entries } = read();
    const current = new Map(entries.map(({ key, modRevision }) => [key, modRevision]));
    for (const entry of entries) {
      const seen = isFirst ? afterRevision : (known.get(entry.key) ?? -1n);
      if (entry.modRevision > seen) handlers.onChange(entry.key, entry);
    }
    for (const key of known.keys()) if (!current.has(key)) handlers.onChange(key, undefined);
    known = current;
    isFirst = false;
  };
  const next = (): void => {
    timer = clock.schedule(watchPeriodMs, () => {
      try {
        look();
        next();
      } catch (caught) {
        handlers.onLost(StreamError.from(caught));
      }
    });
  };
  look();
  next();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/** SQLite says before the commit point whether it could: none of its failures is an unknown outcome. */
function guard<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new StreamError("unavailable", `metadata file: ${message}`, {
      domain: "external",
      retry: "backoff",
      cause,
    });
  }
}
