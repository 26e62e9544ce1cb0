import type { PeerCertificate, TLSSocket } from "node:tls";

import type { ShownCertificate } from "@millrace/core";

/** Returns what TLS says of the other end's certificate once the handshake is over. */
export function readShownCertificate(socket: TLSSocket, holder: string): ShownCertificate {
  const peer: Partial<PeerCertificate> = socket.getPeerCertificate();
  if (peer.raw === undefined) return { holder };
  const problem: unknown = socket.authorizationError;
  return {
    holder,
    certificate: {
      ...(peer.subjectaltname === undefined ? {} : { alternativeNames: peer.subjectaltname }),
      subject: formatName(peer.subject),
      issuer: formatName(peer.issuer),
      validFrom: peer.valid_from ?? "",
      validTo: peer.valid_to ?? "",
    },
    ...(socket.authorized
      ? {}
      : { chainProblem: typeof problem === "string" ? problem : "UNVERIFIED" }),
  };
}

function formatName(name: PeerCertificate["subject"] | undefined): string {
  const parts = Object.entries(name ?? {}).map(([key, value]) => `${key}=${String(value)}`);
  return parts.join(", ");
}
