import type { PeerIdentity } from "./peer-identity.ts";

/** What a process shows of itself over TLS, and whom it believes: PEM texts. */
export interface TlsMaterial {
  /** Certificates of the authorities that it believes, and of no other. */
  readonly authority: string;
  /** Absent: a command that brings a token instead of a certificate. */
  readonly own?: TlsOwnMaterial;
}

export interface TlsOwnMaterial {
  /** The certificate, then those between it and the authority. */
  readonly certificate: string;
  readonly privateKey: string;
  /** What the certificate says. */
  readonly identity: PeerIdentity;
}

/** TLS material that includes a certificate: what a server and a worker need. */
export type OwnedTlsMaterial = TlsMaterial & { readonly own: TlsOwnMaterial };
