import { StreamError, type ControlNetwork } from "@millrace/core";
import { decodeCallResponse, encodeCallRequest, type ClusterDescription } from "@millrace/rpc";

/** What a coordinator said to a call; `leads` names itself. */
export type CoordinatorReply =
  | { readonly kind: "leads"; readonly address: string; readonly cluster: ClusterDescription }
  /** It answers and does not lead: nothing happened. It may know who does. */
  | {
      readonly kind: "waits";
      readonly address: string;
      readonly leaderAddress?: string;
      readonly text: string;
    }
  /** Nobody answers there. */
  | { readonly kind: "silent"; readonly address: string; readonly text: string }
  | { readonly kind: "refuses"; readonly address: string; readonly error: StreamError };

const probeMs = 2_000;

/**
 * Returns what the coordinators say when they are asked who leads, all at once: as soon as one leads,
 * what is known by then; else all replies.
 */
export async function askWhoLeads(
  network: ControlNetwork,
  addresses: readonly string[],
  withinMs: number,
): Promise<readonly CoordinatorReply[]> {
  const replies: CoordinatorReply[] = [];
  const oneLeads = Promise.withResolvers<void>();
  const asked = addresses.map(async (address) => {
    const reply = await ask(network, address, Math.min(withinMs, probeMs));
    replies.push(reply);
    if (reply.kind === "leads") oneLeads.resolve();
  });
  await Promise.race([oneLeads.promise, Promise.all(asked)]);
  return replies;
}

/** Returns what a failed call says about the coordinator at the address. */
export function replyOfFailure(address: string, error: StreamError): CoordinatorReply {
  if (!StreamError.is(error, "unavailable", "deadline-exceeded")) {
    return { kind: "refuses", address, error };
  }
  const text = error.message;
  // The network's own failures come with what it was told; the coordinator's come without.
  if (error.cause !== undefined || error.code === "deadline-exceeded") {
    return { kind: "silent", address, text };
  }
  const [, leaderAddress] = /the leader is (\S+:\d+)$/.exec(text) ?? [];
  return {
    kind: "waits",
    address,
    text,
    ...(leaderAddress === undefined ? {} : { leaderAddress }),
  };
}

/** Returns what each coordinator says when it is asked who leads, in the order of the addresses. */
export function askEach(
  network: ControlNetwork,
  addresses: readonly string[],
): Promise<readonly CoordinatorReply[]> {
  return Promise.all(addresses.map((address) => ask(network, address, probeMs)));
}

async function ask(
  network: ControlNetwork,
  address: string,
  deadlineMs: number,
): Promise<CoordinatorReply> {
  const method = "DescribeCluster";
  try {
    const message = encodeCallRequest(method, {});
    const answer = await network.call(address, { method, message, deadlineMs });
    return { kind: "leads", address, cluster: decodeCallResponse(method, answer) };
  } catch (caught) {
    return replyOfFailure(address, StreamError.from(caught));
  }
}

/** Returns the error of a cluster in which nobody leads: who was asked, and what each said. */
export function nobodyLeads(replies: readonly CoordinatorReply[]): StreamError {
  const refusal = replies.find(({ kind }) => kind === "refuses");
  const isAnyWaiting = replies.some(({ kind }) => kind === "waits");
  if (refusal?.kind === "refuses" && !isAnyWaiting) return refusal.error;
  const [only] = replies;
  const message =
    replies.length === 1 && only?.kind === "silent"
      ? `no coordinator answers at ${only.address}`
      : `none of the coordinators leads:\n${replies.map(describeReply).join("\n")}`;
  return new StreamError("coordinator-unreachable", message, {
    domain: "external",
    retry: "backoff",
  });
}

function describeReply(reply: CoordinatorReply): string {
  switch (reply.kind) {
    case "leads":
      return `${reply.address}: leads`;
    case "refuses":
      return `${reply.address}: ${reply.error.message}`;
    case "silent":
    case "waits":
      return `${reply.address}: ${reply.text}`;
  }
}
