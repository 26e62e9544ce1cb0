import { X509Certificate } from "node:crypto";

import { createAuthority, issueCertificate, type PemPair } from "@millrace/cli/security";
import { findPeerIdentity, type OwnedTlsMaterial, type PeerRole } from "@millrace/core";

const dayMs = 86_400_000;

/** From and until when, in days from now. */
interface Days {
  readonly from?: number;
  readonly until?: number;
}

/** An authority of a cluster, and certificates of it, right and wrong ones. */
export class TestAuthority {
  readonly pair: PemPair;

  private constructor(pair: PemPair) {
    this.pair = pair;
  }

  static async create(clusterName = "mill"): Promise<TestAuthority> {
    return new TestAuthority(await createAuthority(clusterName, toValidity({})));
  }

  /** Returns a certificate for 127.0.0.1, with its key. */
  issue(
    role: PeerRole,
    options: Days & { readonly hosts?: readonly string[] } = {},
  ): Promise<PemPair> {
    const { hosts = ["127.0.0.1", "localhost"] } = options;
    const validity = toValidity(options);
    return issueCertificate({ authority: this.pair, role, name: `a-${role}`, hosts, ...validity });
  }

  /** Returns what a process with such a certificate shows, and that it believes this authority. */
  async material(
    role: PeerRole,
    options: Days & { readonly hosts?: readonly string[] } = {},
  ): Promise<OwnedTlsMaterial> {
    return toMaterial(await this.issue(role, options), this.pair.certificate);
  }
}

/** Returns the pair as what a process shows, which believes the authority. */
export function toMaterial(pair: PemPair, authority: string): OwnedTlsMaterial {
  const identity = findPeerIdentity(new X509Certificate(pair.certificate).subjectAltName);
  if (identity === undefined) throw new Error("the test's certificate has no identity");
  return { authority, own: { ...pair, identity } };
}

function toValidity({ from = -1, until = 1 }: Days) {
  const nowMs = Date.now();
  return {
    notBefore: new Date(nowMs + from * dayMs),
    notAfter: new Date(nowMs + until * dayMs),
  };
}
