import { StreamError } from "../error.ts";
import {
  findPeerIdentity,
  formatPeerIdentity,
  type PeerIdentity,
  type PeerRole,
} from "./peer-identity.ts";

/** What TLS says of the certificate at the other end of a connection. */
export interface ShownCertificate {
  /** Who showed it: `the coordinator at c:8471`. */
  readonly holder: string;
  /** Absent: none was shown. Names as Node prints them. */
  readonly certificate?: {
    readonly alternativeNames?: string;
    readonly subject: string;
    readonly issuer: string;
    readonly validFrom: string;
    readonly validTo: string;
  };
  /** OpenSSL's name of what is wrong with the chain, such as `CERT_HAS_EXPIRED`; absent: nothing. */
  readonly chainProblem?: string;
  /** What is wrong with its host names, in words; absent: nothing, or they do not matter. */
  readonly hostProblem?: string;
}

/** What the certificate must say. */
export interface CertificateDemand {
  /** Absent: any cluster of the authority, for a command that has no certificate of its own. */
  readonly clusterName?: string;
  /** Absent: any. */
  readonly role?: PeerRole;
}

export type CertificateJudgement =
  | { readonly kind: "accepted"; readonly identity: PeerIdentity }
  | { readonly kind: "refused"; readonly error: StreamError };

/** Returns who is there, or `tls-failed` with a sentence: which certificate, what is wrong, what to do. */
export function judgeCertificate(
  shown: ShownCertificate,
  demand: CertificateDemand,
): CertificateJudgement {
  const { holder, certificate, chainProblem, hostProblem } = shown;
  if (certificate === undefined) {
    return refuse(`${holder} shows no certificate: give it one (${issueCommand(demand)})`);
  }
  const what = `the certificate of ${holder} (${certificate.subject || "without a subject"})`;
  if (chainProblem !== undefined)
    return refuse(`${what} ${explainChain(certificate, chainProblem)}`);
  const identity = findPeerIdentity(certificate.alternativeNames);
  if (identity === undefined) {
    return refuse(`${what} has no millrace:// name: issue one (${issueCommand(demand)})`);
  }
  const name = formatPeerIdentity(identity);
  if (demand.clusterName !== undefined && identity.clusterName !== demand.clusterName) {
    return refuse(
      `${what} is of cluster ${identity.clusterName} (${name}), this is ${demand.clusterName}: ` +
        "correct the address, or issue a certificate of this cluster",
    );
  }
  if (demand.role !== undefined && identity.role !== demand.role) {
    return refuse(`${what} is of a ${identity.role} (${name}), a ${demand.role} is needed here`);
  }
  if (hostProblem !== undefined) {
    return refuse(`${what} is for other hosts: ${hostProblem}; issue it with --host for this one`);
  }
  return { kind: "accepted", identity };
}

function issueCommand({ role }: CertificateDemand): string {
  return `millrace certs issue --role ${role ?? "worker"}`;
}

function explainChain(
  certificate: NonNullable<ShownCertificate["certificate"]>,
  chainProblem: string,
): string {
  if (chainProblem === "CERT_HAS_EXPIRED") {
    return `expired at ${certificate.validTo}: issue a new one, or correct this machine's clock`;
  }
  if (chainProblem === "CERT_NOT_YET_VALID") {
    return `is valid from ${certificate.validFrom} only: correct the clock of either machine`;
  }
  if (unknownAuthority.has(chainProblem)) {
    return (
      `was issued by ${certificate.issuer || "an unnamed authority"}, which is not the authority that is ` +
      "believed here: use certificates of one authority, or correct --tls-ca"
    );
  }
  return `is refused (${chainProblem}): issue it anew`;
}

const unknownAuthority: ReadonlySet<string> = new Set([
  "CERT_SIGNATURE_FAILURE",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Returns a failed handshake as `tls-failed`, or undefined if its error is not TLS's. */
export function explainHandshake(
  error: { readonly code?: unknown; readonly message: string },
  holder: string,
): StreamError | undefined {
  const code = typeof error.code === "string" ? error.code : "";
  const isTls = code.startsWith("ERR_SSL_") || code === "EPROTO" || code.startsWith("ERR_TLS_");
  if (!isTls) return undefined;
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH|HTTP_REQUEST|UNEXPECTED_MESSAGE|RECORD/.test(code)) {
    return tlsFailed(
      `${holder} does not speak TLS: start it with --tls-cert, --tls-key and --tls-ca, or leave ` +
        "them out here if both are on this machine",
      error,
    );
  }
  return tlsFailed(`the TLS handshake with ${holder} failed (${error.message.trim()})`, error);
}

/** Returns a `tls-failed`; trying again can help once a certificate or a clock is corrected. */
export function tlsFailed(message: string, cause?: unknown): StreamError {
  return new StreamError("tls-failed", message, {
    domain: "external",
    retry: "never",
    ...(cause === undefined ? {} : { cause }),
  });
}

function refuse(message: string): CertificateJudgement {
  return { kind: "refused", error: tlsFailed(message) };
}
