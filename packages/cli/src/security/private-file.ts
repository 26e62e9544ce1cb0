import { lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { StreamError } from "@millrace/core";

const ownerOnly = 0o600;

/**
 * Writes a file that only this user may read, whole or not at all, so that who reads it meanwhile sees
 * the one or the other. Throws `already-exists` unless it may replace one, and `folder-not-writable`.
 */
export function writePrivateFile(
  path: string,
  text: string,
  { isReplacing = false }: { readonly isReplacing?: boolean } = {},
): void {
  const beside = `${path}.${process.pid}.new`;
  try {
    if (!isReplacing && lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
      throw new StreamError("already-exists", `${path} is there already: it is not written over`, {
        domain: "user",
        retry: "never",
      });
    }
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    rmSync(beside, { force: true });
    writeFileSync(beside, text, { mode: ownerOnly, flag: "wx" });
    renameSync(beside, path);
  } catch (cause) {
    if (cause instanceof StreamError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StreamError("folder-not-writable", `${path} cannot be written (${reason})`, {
      domain: "user",
      retry: "never",
      cause,
    });
  }
}
