// tsyringe, which the X.509 library is built with, needs it loaded first.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";

import { formatPeerIdentity, makePeerIdentity, StreamError, type PeerRole } from "@millrace/core";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type JsonGeneralName,
} from "@peculiar/x509";

/** A certificate and its private key, as PEM texts. */
export interface PemPair {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface IssueOptions extends Validity {
  readonly authority: PemPair;
  readonly role: PeerRole;
  /** Of the holder, for people: a DNS label. */
  readonly name: string;
  /** DNS names and IP addresses by which others reach it; a coordinator needs them. */
  readonly hosts: readonly string[];
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** Returns a new authority for one cluster; its name is the certificate's common name. */
export async function createAuthority(clusterName: string, validity: Validity): Promise<PemPair> {
  const subject = `CN=${makePeerIdentity(clusterName, "client", "x").clusterName}, O=Millrace`;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: makeSerialNumber(),
    name: subject,
    ...validity,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return toPemPair(certificate, keys.privateKey);
}

/**
 * Returns a certificate for a process or a person of the authority's cluster, with a key of its own;
 * throws `invalid-argument` if the authority or a name cannot be used.
 */
export async function issueCertificate(options: IssueOptions): Promise<PemPair> {
  const { authority, role, name, hosts, notBefore, notAfter } = options;
  const issuer = readAuthority(authority.certificate);
  const [clusterName = ""] = issuer.subjectName.getField("CN");
  const identity = makePeerIdentity(clusterName, role, name);
  const signingKey = await importPrivateKey(authority.privateKey);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: makeSerialNumber(),
    subject: `CN=${name}, OU=${role}, O=Millrace`,
    issuer: issuer.subject,
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    signingKey,
    publicKey: keys.publicKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([
        { type: "url", value: formatPeerIdentity(identity) },
        ...hosts.map(toGeneralName),
      ]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return toPemPair(certificate, keys.privateKey);
}

function readAuthority(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new StreamError("invalid-argument", "the authority's certificate is not PEM", {
      domain: "user",
      retry: "never",
      cause,
    });
  }
}

function toGeneralName(host: string): JsonGeneralName {
  if (isIP(host) !== 0) return { type: "ip", value: host };
  if (/^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i.test(host)) return { type: "dns", value: host };
  throw new StreamError(
    "invalid-argument",
    `${JSON.stringify(host)} is neither a DNS name nor an IP address`,
    { domain: "user", retry: "never" },
  );
}

/** 16 random bytes, positive and of fixed length as DER likes it. */
function makeSerialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

async function toPemPair(
  certificate: X509Certificate,
  privateKey: webcrypto.CryptoKey,
): Promise<PemPair> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", privateKey)).toString(
    "base64",
  );
  const lines = pkcs8.match(/.{1,64}/g) ?? [];
  return {
    certificate: `${certificate.toString("pem")}\n`,
    privateKey: `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`,
  };
}

function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const base64 = pem.replaceAll(/-----[A-Z ]+-----|\s/g, "");
  const bytes = Buffer.from(base64, "base64");
  return webcrypto.subtle.importKey("pkcs8", bytes, algorithm, false, ["sign"]);
}
