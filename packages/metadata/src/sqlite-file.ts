import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { StreamError, type StreamErrorCode } from "@millrace/core";

/** Transactions of others are short; one that lasts longer than this is stuck. */
const busyTimeoutMs = 5_000;

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY, value TEXT NOT NULL,
    create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS history (
    revision INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (revision, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS store (
    id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL
  ) STRICT;
  INSERT OR IGNORE INTO store VALUES (1, 0);
`;

/**
 * Returns the database in the file, which it makes if there is none: WAL, synchronous FULL. Throws
 * `folder-not-writable`.
 */
export function openSqliteFile(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true });
    database = new DatabaseSync(path, { timeout: busyTimeoutMs });
    database.exec(schema);
    return database;
  } catch (cause) {
    if (database?.isOpen === true) database.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw sqliteError(
      "folder-not-writable",
      `metadata file ${path} cannot be opened for writing (${reason}); check its folder and owner`,
      cause,
    );
  }
}

/**
 * Returns what the work returns, as one transaction. Throws `unavailable` if it did not happen and
 * `unknown-outcome` if the commit failed in a way that leaves it open (S3).
 */
export function inTransaction<Result>(
  database: DatabaseSync,
  mode: "DEFERRED" | "IMMEDIATE",
  work: () => Result,
): Result {
  let isCommitting = false;
  try {
    database.exec(`BEGIN ${mode}`);
    const result = work();
    isCommitting = true;
    database.exec("COMMIT");
    return result;
  } catch (cause) {
    // Rolled back in any case; before the commit it is undone even if that fails.
    const isUndone = rollBack(database) || !isCommitting;
    throw toSqliteError(cause, isUndone);
  }
}

/** Returns what the work returns; throws `unavailable` if the file cannot be read. */
export function reading<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw toSqliteError(cause, true);
  }
}

/** Returns whether the transaction was still open, and so is undone for certain. */
function rollBack(database: DatabaseSync): boolean {
  if (!database.isOpen || !database.isTransaction) return false;
  database.exec("ROLLBACK");
  return true;
}

/** SQLite's primary result code. */
const readOnly = 8;

function toSqliteError(cause: unknown, isUndone: boolean): StreamError {
  const code = codeOf(cause);
  if (code !== "ERR_SQLITE_ERROR" && code !== "ERR_INVALID_STATE") return StreamError.from(cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `metadata file: ${reason}`;
  if (code === "ERR_INVALID_STATE") return sqliteError("cancelled", message, cause);
  if (!isUndone) return sqliteError("unknown-outcome", message, cause);
  return sqliteError(isReadOnly(cause) ? "folder-not-writable" : "unavailable", message, cause);
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && "code" in cause ? cause.code : undefined;
}

function isReadOnly(cause: unknown): boolean {
  return cause instanceof Error && "errcode" in cause && cause.errcode === readOnly;
}

function sqliteError(code: StreamErrorCode, message: string, cause: unknown): StreamError {
  const retry = code === "unavailable" || code === "unknown-outcome" ? "backoff" : "never";
  return new StreamError(code, message, { domain: "external", retry, cause });
}
