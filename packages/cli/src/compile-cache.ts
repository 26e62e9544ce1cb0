import { tmpdir } from "node:os";
import { join } from "node:path";

/** Returns where Node keeps compiled code, so that processes start faster. */
export function compileCacheFolder(): string {
  return join(tmpdir(), "millrace-compile-cache");
}
