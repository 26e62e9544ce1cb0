import type { PeerCertificate, TLSSocket } from "node:tls";

import type { ShownCertificate } from "@millrace/core";

/** Returns what TLS says of the other end's certificate once the handshake is over. */
export function readShownCertificate(socket: TLSSocket, holder: string): ShownCertificate {
  const peer: Partial<PeerCertificate> = socket.getPeerCertificate();
  if (peer.raw === undefined) return { holder };
  const chainProblem = chainProblemOf(socket, peer.valid_to);
  return {
    holder,
    certificate: {
      ...(peer.subjectaltname === undefined ? {} : { alternativeNames: peer.subjectaltname }),
      subject: formatName(peer.subject),
      issuer: formatName(peer.issuer),
      validFrom: peer.valid_from ?? "",
      validTo: peer.valid_to ?? "",
    },
    ...(chainProblem === undefined ? {} : { chainProblem }),
  };
}

/** A resumed session is not verified anew: what has expired meanwhile is found here. */
function chainProblemOf(socket: TLSSocket, validTo: string | undefined): string | undefined {
  const problem: unknown = socket.authorizationError;
  if (!socket.authorized) return typeof problem === "string" ? problem : "UNVERIFIED";
  return Date.parse(validTo ?? "") > Date.now() ? undefined : "CERT_HAS_EXPIRED";
}

function formatName(name: PeerCertificate["subject"] | undefined): string {
  const parts = Object.entries(name ?? {}).map(([key, value]) => `${key}=${String(value)}`);
  return parts.join(", ");
}
