import { StreamError } from "../error.ts";

/** What a certificate's holder is: a coordinator, a worker, or a person's command. */
export const peerRoles = ["coordinator", "worker", "client"] as const;
export type PeerRole = (typeof peerRoles)[number];

/**
 * Who a certificate says its holder is: the URI `millrace://<cluster name>/<role>/<name>` among its
 * subject's alternative names. The authority vouches for it; the name is for people.
 */
export interface PeerIdentity {
  readonly clusterName: string;
  readonly role: PeerRole;
  readonly name: string;
}

const labelPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;
const identityPattern = /^millrace:\/\/([^/]+)\/([^/]+)\/([^/]+)$/;

/** Returns the identity of these parts; throws `invalid-argument` unless both names are DNS labels. */
export function makePeerIdentity(clusterName: string, role: PeerRole, name: string): PeerIdentity {
  for (const [what, label] of [
    ["cluster", clusterName],
    ["holder", name],
  ] as const) {
    if (labelPattern.test(label)) continue;
    throw new StreamError(
      "invalid-argument",
      `the ${what}'s name ${JSON.stringify(label)} is not a DNS label: use a-z, 0-9 and -`,
      { domain: "user", retry: "never" },
    );
  }
  return { clusterName, role, name };
}

/** Returns the URI of the identity. */
export function formatPeerIdentity({ clusterName, role, name }: PeerIdentity): string {
  return `millrace://${clusterName}/${role}/${name}`;
}

/**
 * Returns the identity among a certificate's alternative names, as Node prints them (`URI:a, DNS:b`);
 * undefined if there is none, or more than one. Node puts what could be taken for a separator into
 * quotes: no name that needs them is ours, so a certificate with any has no identity.
 */
export function findPeerIdentity(alternativeNames: string | undefined): PeerIdentity | undefined {
  if (alternativeNames === undefined || alternativeNames.includes('"')) return undefined;
  const found = alternativeNames
    .split(", ")
    .filter((entry) => entry.startsWith("URI:millrace:"))
    .map((entry) => parseIdentity(entry.slice("URI:".length)));
  return found.length === 1 ? found[0] : undefined;
}

function parseIdentity(uri: string): PeerIdentity | undefined {
  const [, clusterName = "", roleText, name = ""] = identityPattern.exec(uri) ?? [];
  const role = peerRoles.find((known) => known === roleText);
  if (role === undefined || !labelPattern.test(clusterName) || !labelPattern.test(name)) {
    return undefined;
  }
  return { clusterName, role, name };
}
