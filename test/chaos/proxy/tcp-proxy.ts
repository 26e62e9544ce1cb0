/**
 * A TCP proxy on loopback whose link can be broken: what stands between two processes of a chaos
 * run. It knows nothing of what it carries.
 *
 * I1 While the link is open, cut or slow, bytes arrive complete and in order, or the connection ends.
 * I2 A black hole loses nothing either: TCP would send again, so what was held flows on afterwards.
 * I3 What it holds back is bounded; beyond that it does not read on.
 */
import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";

import { createRelay, type Relay } from "./relay.ts";

export type Link =
  | { readonly kind: "open" }
  /** Open connections are reset and new ones are refused after the accept. */
  | { readonly kind: "cut" }
  /** Nothing arrives and nothing is said; connections still open. */
  | { readonly kind: "black-hole" }
  | {
      readonly kind: "slow";
      /** Added to each direction; default 0. */
      readonly latencyMs?: number;
      /** Of each connection and direction; default unlimited. */
      readonly bytesPerSecond?: number;
    };

export interface TcpProxy extends AsyncDisposable {
  /** `127.0.0.1:port`, which stays the same over all states. */
  readonly address: string;
  link(): Link;
  setLink(link: Link): void;
  connectionCount(): number;
}

/** Returns a proxy that listens on a port of its own and forwards to `target`, a `host:port`. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let link: Link = { kind: "open" };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    if (link.kind === "cut") {
      near.resetAndDestroy();
      return;
    }
    const pair = joinSockets(near, connectTo(target), link);
    pairs.add(pair);
    near.once("close", () => pairs.delete(pair));
  });
  const address = `127.0.0.1:${await listen(server)}`;
  return {
    address,
    link: () => link,
    setLink: (next) => {
      link = next;
      for (const pair of pairs) pair.setLink(next);
    },
    connectionCount: () => pairs.size,
    [Symbol.asyncDispose]: async () => {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      for (const pair of pairs) pair.setLink({ kind: "cut" });
      await closed;
    },
  };
}

/** Two sockets, each of which gets what the other one says. */
interface Pair {
  setLink(link: Link): void;
}

function joinSockets(near: Socket, far: Socket, link: Link): Pair {
  const relays: readonly Relay[] = [createRelay(near, far), createRelay(far, near)];
  const destroy = (): void => {
    for (const relay of relays) relay.close();
    near.destroy();
    far.destroy();
  };
  for (const socket of [near, far]) {
    socket.on("error", () => {
      resetSocket(near);
      resetSocket(far);
    });
    socket.once("close", (hadError) => {
      // A clean end of one direction is passed on by its relay; the other one may still talk.
      if (hadError || (near.destroyed && far.destroyed)) destroy();
    });
  }
  const setLink = (next: Link): void => {
    if (next.kind === "cut") {
      resetSocket(near);
      resetSocket(far);
      destroy();
      return;
    }
    for (const relay of relays) relay.setLink(next);
  };
  setLink(link);
  return { setLink };
}

/** libuv cannot reset a socket that is being shut down: the handle would stay for ever. */
function resetSocket(socket: Socket): void {
  if (socket.writableEnded || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

function connectTo(target: string): Socket {
  const colon = target.lastIndexOf(":");
  return createConnection({
    host: target.slice(0, colon),
    port: Number(target.slice(colon + 1)),
    allowHalfOpen: true,
    noDelay: true,
  });
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return address.port;
}
