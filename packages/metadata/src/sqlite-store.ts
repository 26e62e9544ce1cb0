import type { DatabaseSync, StatementSync } from "node:sqlite";

import { assert, type Clock } from "@millrace/core";

import { checkTransaction } from "./check-transaction.ts";
import { holds } from "./memory-store.ts";
import type {
  MetadataEntry,
  MetadataListing,
  MetadataStore,
  MetadataTransaction,
  MetadataWrite,
  TransactionResult,
} from "./metadata-store.ts";
import { inTransaction, openSqliteFile, reading } from "./sqlite-file.ts";
import { SqliteWatch, type SqliteWatchOptions } from "./sqlite-watch.ts";

/** A watch that is further behind is lost, as in etcd after a compaction (F18). */
const keptRevisions = 10_000n;

/**
 * Returns a metadata store in a SQLite file, for one machine: durable (WAL, synchronous FULL) and
 * shared by processes. Throws `folder-not-writable` if the file cannot be opened for writing.
 *
 * I1 A transaction is IMMEDIATE: its compares and its writes are one step for all processes (S1).
 * I2 The revision row grows by one with every transaction that writes, in that same transaction.
 * I3 The history names the keys of the last revisions, deleted ones too; watches read it.
 */
export function openSqliteMetadataStore(path: string, clock: Clock): MetadataStore {
  const database = openSqliteFile(path);
  const statements = prepareStatements(database);
  const watches = new Set<SqliteWatch>();
  const readChanges: SqliteWatchOptions["readChanges"] = (prefix, afterRevision) =>
    inTransaction(database, "DEFERRED", () => changesOf(statements, prefix, afterRevision));
  return {
    get: async (key) => reading(() => readEntry(statements, key)),
    list: async (prefix) =>
      inTransaction(database, "DEFERRED", () => listEntries(statements, prefix)),
    async transact(transaction) {
      checkTransaction(transaction);
      const result = inTransaction(database, "IMMEDIATE", () => apply(statements, transaction));
      if (result.isApplied) for (const watch of watches) watch.lookSoon();
      return result;
    },
    watch(prefix, afterRevision, handlers) {
      const watch = new SqliteWatch({ clock, prefix, afterRevision, handlers, readChanges });
      watches.add(watch);
      return {
        [Symbol.dispose]: () => {
          watches.delete(watch);
          watch[Symbol.dispose]();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const watch of watches) watch[Symbol.dispose]();
      watches.clear();
      if (database.isOpen) database.close();
    },
  };
}

type Statements = ReturnType<typeof prepareStatements>;

/** Reads on from a key by the index, so that a listing costs what it finds, not what there is. */
export const listFromSql = "SELECT * FROM entries WHERE key >= ? ORDER BY key";

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string): StatementSync => {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    return statement;
  };
  return {
    get: prepare("SELECT * FROM entries WHERE key = ?"),
    listFrom: prepare(listFromSql),
    put: prepare(
      `INSERT INTO entries VALUES (?1, ?2, ?3, ?3)
       ON CONFLICT (key) DO UPDATE SET value = ?2, mod_revision = ?3`,
    ),
    remove: prepare("DELETE FROM entries WHERE key = ?"),
    readRevision: prepare("SELECT revision FROM store"),
    writeRevision: prepare("UPDATE store SET revision = ?"),
    remember: prepare("INSERT OR IGNORE INTO history VALUES (?, ?)"),
    forget: prepare("DELETE FROM history WHERE revision <= ?"),
    changes: prepare(
      `SELECT key, max(revision) AS last FROM history
       WHERE revision > ?2 AND substr(key, 1, length(?1)) = ?1 GROUP BY key ORDER BY last`,
    ),
  };
}

function apply(
  statements: Statements,
  { compares, writes }: MetadataTransaction,
): TransactionResult {
  const isHeld = compares.every((compare) => holds(compare, readEntry(statements, compare.key)));
  const before = readRevision(statements);
  if (!isHeld || writes.length === 0) return { isApplied: isHeld, revision: before };
  const revision = before + 1n;
  statements.writeRevision.run(revision);
  for (const write of writes) applyWrite(statements, write, revision);
  statements.forget.run(revision - keptRevisions);
  return { isApplied: true, revision };
}

function applyWrite(statements: Statements, write: MetadataWrite, revision: bigint): void {
  if (write.kind === "delete") statements.remove.run(write.key);
  else statements.put.run(write.key, write.value, revision);
  statements.remember.run(revision, write.key);
}

function listEntries(statements: Statements, prefix: string): MetadataListing {
  const entries: MetadataEntry[] = [];
  // Keys with one prefix stand together: the first without it is behind the last with it.
  for (const row of statements.listFrom.iterate(prefix)) {
    const entry = toEntry(row);
    if (!entry.key.startsWith(prefix)) break;
    entries.push(entry);
  }
  return { entries, revision: readRevision(statements) };
}

function changesOf(
  statements: Statements,
  prefix: string,
  afterRevision: bigint,
): ReturnType<SqliteWatchOptions["readChanges"]> {
  const revision = readRevision(statements);
  if (revision <= afterRevision) return { changes: [], revision };
  if (afterRevision < revision - keptRevisions) return undefined;
  const rows = statements.changes.all(prefix, afterRevision);
  const keys = rows.map((row) => textOf(row, "key"));
  return { changes: keys.map((key) => ({ key, entry: readEntry(statements, key) })), revision };
}

function readEntry(statements: Statements, key: string): MetadataEntry | undefined {
  const row = statements.get.get(key);
  return row === undefined ? undefined : toEntry(row);
}

function readRevision(statements: Statements): bigint {
  const row = statements.readRevision.get();
  assert(row !== undefined, "the metadata file has a row with its revision");
  return bigintOf(row, "revision");
}

type Row = NonNullable<ReturnType<StatementSync["get"]>>;

function toEntry(row: Row): MetadataEntry {
  return {
    key: textOf(row, "key"),
    value: textOf(row, "value"),
    createRevision: bigintOf(row, "create_revision"),
    modRevision: bigintOf(row, "mod_revision"),
  };
}

function textOf(row: Row, column: string): string {
  const value = row[column];
  assert(typeof value === "string", `column ${column} of the metadata file holds text`);
  return value;
}

function bigintOf(row: Row, column: string): bigint {
  const value = row[column];
  assert(typeof value === "bigint", `column ${column} of the metadata file holds an integer`);
  return value;
}
