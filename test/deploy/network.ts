import { BlockList, isIPv4 } from "node:net";

import type { Manifest } from "./chart.ts";
import { at, fieldsOf, listOf, numberOf, textOf, type Json } from "./json.ts";

/*
 * Who may connect to whom under the NetworkPolicies of Kubernetes: a pod that no policy of a direction
 * selects is open in it; the rules of all policies that select it add up; both ends must allow.
 */

/** One end of a connection: a pod, or, without labels, an address outside. */
export interface Endpoint {
  readonly name: string;
  readonly address: string;
  readonly pod?: {
    readonly namespace: string;
    readonly namespaceLabels: Readonly<Record<string, string>>;
    readonly labels: Readonly<Record<string, string>>;
  };
}

export interface Connection {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly port: number;
  /** Default TCP. */
  readonly protocol?: "TCP" | "UDP";
}

/** Whether the policies let the connection be opened; throws for what it does not understand. */
export function canConnect(policies: readonly Manifest[], connection: Connection): boolean {
  return isAllowed(policies, connection, "Egress") && isAllowed(policies, connection, "Ingress");
}

type Direction = "Ingress" | "Egress";

function isAllowed(
  policies: readonly Manifest[],
  connection: Connection,
  direction: Direction,
): boolean {
  const [self, peer] =
    direction === "Egress" ? [connection.from, connection.to] : [connection.to, connection.from];
  const selecting = policies.filter(
    (policy) => policy.kind === "NetworkPolicy" && applies(policy, self, direction),
  );
  if (selecting.length === 0) return true;
  const [rulesName, peersName] = direction === "Egress" ? ["egress", "to"] : ["ingress", "from"];
  return selecting.some((policy) =>
    listOf(at(policy.body, "spec", rulesName)).some(
      (rule) =>
        matchesPorts(at(rule, "ports"), connection) &&
        matchesPeers(at(rule, peersName), peer, namespaceOf(policy)),
    ),
  );
}

function applies(policy: Manifest, self: Endpoint, direction: Direction): boolean {
  const spec = at(policy.body, "spec");
  if (self.pod === undefined || self.pod.namespace !== namespaceOf(policy)) return false;
  const types = listOf(at(spec, "policyTypes"));
  if (types.length === 0) throw new Error(`${policy.name} has no policyTypes`);
  return types.includes(direction) && matchesSelector(at(spec, "podSelector"), self.pod.labels);
}

function namespaceOf(policy: Manifest): string {
  return textOf(at(policy.body, "metadata", "namespace"));
}

function matchesPorts(ports: Json | undefined, { port, protocol = "TCP" }: Connection): boolean {
  if (ports === undefined) return true;
  return listOf(ports).some((entry) => {
    if ((at(entry, "protocol") ?? "TCP") !== protocol) return false;
    const first = at(entry, "port");
    if (first === undefined) return true;
    const last = at(entry, "endPort");
    return port >= numberOf(first) && port <= numberOf(last ?? first);
  });
}

function matchesPeers(peers: Json | undefined, peer: Endpoint, namespace: string): boolean {
  // A rule without peers is for everybody; one with an empty list too.
  if (listOf(peers).length === 0) return true;
  return listOf(peers).some((entry) => matchesPeer(entry, peer, namespace));
}

function matchesPeer(entry: Json, peer: Endpoint, namespace: string): boolean {
  const block = at(entry, "ipBlock");
  if (block !== undefined) return isInBlock(block, peer.address);
  if (peer.pod === undefined) return false;
  const namespaces = at(entry, "namespaceSelector");
  const isNamespaceRight =
    namespaces === undefined
      ? peer.pod.namespace === namespace
      : matchesSelector(namespaces, peer.pod.namespaceLabels);
  const pods = at(entry, "podSelector");
  return isNamespaceRight && (pods === undefined || matchesSelector(pods, peer.pod.labels));
}

function isInBlock(block: Json, address: string): boolean {
  const isIn = (range: string): boolean => {
    const [network = "", bits = ""] = range.split("/");
    const list = new BlockList();
    list.addSubnet(network, Number(bits), isIPv4(network) ? "ipv4" : "ipv6");
    // Node takes ::/0 to hold IPv4 addresses too.
    return (
      isIPv4(network) === isIPv4(address) && list.check(address, isIPv4(address) ? "ipv4" : "ipv6")
    );
  };
  return (
    isIn(textOf(at(block, "cidr"))) &&
    !listOf(at(block, "except")).some((range) => isIn(textOf(range)))
  );
}

/** Whether a label selector takes the labels; an empty one takes all. */
export function matchesSelector(
  selector: Json | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  const isEqual = Object.entries(fieldsOf(at(selector, "matchLabels"))).every(
    ([name, value]) => labels[name] === value,
  );
  return (
    isEqual &&
    listOf(at(selector, "matchExpressions")).every((expression) => holds(expression, labels))
  );
}

function holds(expression: Json, labels: Readonly<Record<string, string>>): boolean {
  const value = labels[textOf(at(expression, "key"))];
  const values = listOf(at(expression, "values"));
  const isAmong = value !== undefined && values.includes(value);
  const operator = textOf(at(expression, "operator"));
  switch (operator) {
    case "In":
      return isAmong;
    case "NotIn":
      return !isAmong;
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      throw new Error(`a selector has the operator ${operator}`);
  }
}
