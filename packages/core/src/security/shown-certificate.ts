import type { ShownCertificate } from "./judge-certificate.ts";

/** What is asked of Node's `TLSSocket` once the handshake is over. */
export interface TlsPeer {
  readonly authorized: boolean;
  /** OpenSSL's name of what is wrong. */
  readonly authorizationError?: unknown;
  getPeerCertificate(): TlsPeerCertificate;
}

/** Node's `PeerCertificate`; empty if the other end showed none. */
interface TlsPeerCertificate {
  readonly raw?: Uint8Array;
  readonly subject?: object;
  readonly issuer?: object;
  readonly subjectaltname?: string | undefined;
  readonly valid_from?: string;
  readonly valid_to?: string;
}

/** Returns what TLS says of the other end's certificate; `nowMs` since the epoch, for its expiry. */
export function readShownCertificate(
  peer: TlsPeer,
  { holder, nowMs }: { readonly holder: string; readonly nowMs: number },
): ShownCertificate {
  const shown = peer.getPeerCertificate();
  if (shown.raw === undefined) return { holder };
  const validTo = shown.valid_to ?? "";
  const chainProblem = chainProblemOf(peer, { validTo, nowMs });
  return {
    holder,
    certificate: {
      ...(shown.subjectaltname === undefined ? {} : { alternativeNames: shown.subjectaltname }),
      subject: formatName(shown.subject),
      issuer: formatName(shown.issuer),
      validFrom: shown.valid_from ?? "",
      validTo,
    },
    ...(chainProblem === undefined ? {} : { chainProblem }),
  };
}

/** A resumed session is not verified anew: what has expired meanwhile is found here. */
function chainProblemOf(
  { authorized, authorizationError }: TlsPeer,
  { validTo, nowMs }: { readonly validTo: string; readonly nowMs: number },
): string | undefined {
  if (!authorized)
    return typeof authorizationError === "string" ? authorizationError : "UNVERIFIED";
  // oxlint-disable-next-line eslint/no-restricted-globals -- a date in words, not the clock
  return Date.parse(validTo) > nowMs ? undefined : "CERT_HAS_EXPIRED";
}

function formatName(name: object | undefined): string {
  const parts = Object.entries(name ?? {}).map(([key, value]) => `${key}=${String(value)}`);
  return parts.join(", ");
}
