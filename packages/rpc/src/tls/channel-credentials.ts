import { isIP, type Socket } from "node:net";
import { checkServerIdentity, connect, createSecureContext, type TLSSocket } from "node:tls";

import { CallCredentials, ChannelCredentials } from "@grpc/grpc-js";
import {
  explainHandshake,
  judgeCertificate,
  readShownCertificate,
  StreamError,
  type TlsMaterial,
} from "@millrace/core";

type Connector = ReturnType<ChannelCredentials["_createSecureConnector"]>;

/**
 * TLS 1.3 to a coordinator: its certificate must come from the authority, name this cluster and the
 * role, and be for the host. grpc-js turns what a handshake fails with into a text; this keeps it.
 *
 * I1 Nothing is sent before the certificate is judged.
 */
export class TlsChannelCredentials extends ChannelCredentials {
  readonly #address: string;
  readonly #readTls: () => TlsMaterial;
  #failure: StreamError | undefined;

  constructor(address: string, readTls: () => TlsMaterial) {
    super();
    this.#address = address;
    this.#readTls = readTls;
  }

  /** Why the last try to connect failed, if TLS was the reason. */
  failure(): StreamError | undefined {
    return this.#failure;
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override compose(): ChannelCredentials {
    throw new StreamError("internal", "calls show their token as metadata", {
      domain: "internal",
      retry: "never",
    });
  }

  override _createSecureConnector(): Connector {
    return {
      connect: async (socket) => ({ socket: await this.#connect(socket), secure: true }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => CallCredentials.createEmpty(),
      destroy: () => {},
    };
  }

  async #connect(socket: Socket): Promise<TLSSocket> {
    this.#failure = undefined;
    try {
      return await connectJudged(socket, this.#address, this.#readTls());
    } catch (caught) {
      if (StreamError.is(caught, "tls-failed")) this.#failure = caught;
      throw caught;
    }
  }
}

async function connectJudged(
  socket: Socket,
  address: string,
  material: TlsMaterial,
): Promise<TLSSocket> {
  const host = address.slice(0, address.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1");
  const holder = `the coordinator at ${address}`;
  const { authority: ca, own } = material;
  const tls = connect({
    socket,
    secureContext: createSecureContext({
      ca,
      ...(own === undefined ? {} : { cert: own.certificate, key: own.privateKey }),
      minVersion: "TLSv1.3",
    }),
    ALPNProtocols: ["h2"],
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // Judged below, before anything is sent: Node's own refusal does not say which certificate.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  await untilSecure(tls, holder);
  const shown = readShownCertificate(tls, { holder, nowMs: Date.now() });
  const hostProblem = checkServerIdentity(host, tls.getPeerCertificate())?.message;
  const judgement = judgeCertificate(
    { ...shown, ...(hostProblem === undefined ? {} : { hostProblem }) },
    {
      role: "coordinator",
      ...(own === undefined ? {} : { clusterName: own.identity.clusterName }),
    },
  );
  if (judgement.kind === "accepted") return tls;
  tls.destroy();
  throw judgement.error;
}

function untilSecure(tls: TLSSocket, holder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    tls.once("secureConnect", resolve);
    // Stays: grpc-js hears of later errors through its session.
    tls.on("error", (error: NodeJS.ErrnoException) => {
      reject(explainHandshake(error, holder) ?? error);
    });
    tls.once("close", () => reject(new Error("closed in the TLS handshake")));
  });
}
