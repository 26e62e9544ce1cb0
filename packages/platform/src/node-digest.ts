import { createHash } from "node:crypto";

import type { Digest } from "@millrace/core";

/** Returns SHA-256 of OpenSSL; pure, so the simulation uses it too. */
export function createNodeDigest(): Digest {
  return {
    sha256(...parts) {
      const hash = createHash("sha256");
      for (const part of parts) hash.update(part);
      return hash.digest("hex");
    },
  };
}
