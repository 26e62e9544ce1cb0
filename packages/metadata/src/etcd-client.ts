import type { Clock } from "@millrace/core";
import { noop } from "cockatiel";
import { Etcd3 } from "etcd3";

import { toEtcdError, wasNotSent, type EtcdCallKind } from "./etcd-errors.ts";

export interface EtcdConnection {
  /** `host:port` of the members; any of them may be away. */
  readonly endpoints: readonly string[];
  readonly user?: { readonly name: string; readonly password: string };
  /** PEM texts; with a key and a certificate the client shows who it is. */
  readonly tls?: EtcdTls;
}

export interface EtcdTls {
  readonly ca: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** One try at one member; a member that is frozen costs a call this long. */
export const callTimeoutMs = 3_000;

/**
 * Returns a client. Its circuit breakers and retries are off: they answer for seconds after a member
 * was away for one, and a lease dies of that. Pings are rare: etcd closes on those that it finds too
 * many (a keepalive under 10 s).
 */
export function openEtcdClient({ endpoints, user, tls }: EtcdConnection, clock: Clock): Etcd3 {
  const scheme = tls === undefined ? "http" : "https";
  return new Etcd3({
    hosts: endpoints.map((endpoint) => `${scheme}://${endpoint}`),
    ...(user === undefined ? {} : { auth: { username: user.name, password: user.password } }),
    ...(tls === undefined ? {} : { credentials: toCredentials(tls) }),
    faultHandling: { host: () => noop, global: noop },
    defaultCallOptions: ({ isStream }) =>
      isStream ? {} : { deadline: clock.wallMs() + callTimeoutMs },
    grpcOptions: {
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 500,
      "grpc.max_receive_message_length": 64 * 1024 * 1024,
    },
  });
}

/** Makes a call; one that no member has seen goes to another member. Throws as `toEtcdError` says. */
export async function callEtcd<Result>(
  options: { readonly call: string; readonly kind: EtcdCallKind; readonly memberCount: number },
  send: () => Promise<Result>,
): Promise<Result> {
  // The client chooses members at random.
  for (let triesLeft = 3 * options.memberCount; ; triesLeft -= 1) {
    try {
      return await send();
    } catch (cause) {
      if (triesLeft <= 1 || !wasNotSent(cause))
        throw toEtcdError(cause, options.call, options.kind);
    }
  }
}

function toCredentials({ ca, certificate, key }: EtcdTls) {
  return {
    rootCertificate: Buffer.from(ca),
    ...(key === undefined ? {} : { privateKey: Buffer.from(key) }),
    ...(certificate === undefined ? {} : { certChain: Buffer.from(certificate) }),
  };
}
