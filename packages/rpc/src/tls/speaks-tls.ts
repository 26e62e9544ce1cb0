import { connect } from "node:tls";

import { tlsFailed, type StreamError } from "@millrace/core";

const probeTimeoutMs = 1_000;

/** Returns why a connection in plain text failed, if the reason is that the other end speaks TLS. */
export async function explainPlainText(address: string): Promise<StreamError | undefined> {
  if (!(await speaksTls(address))) return undefined;
  return tlsFailed(
    `the coordinator at ${address} speaks TLS and this came in plain text: give --tls-ca, and for a ` +
      "worker --tls-cert and --tls-key",
  );
}

/** A handshake that sends nothing and believes nothing. */
function speaksTls(address: string): Promise<boolean> {
  const host = address.slice(0, address.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1");
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  return new Promise((resolve) => {
    const socket = connect({ host, port, ALPNProtocols: ["h2"], rejectUnauthorized: false });
    const end = (answer: boolean): void => {
      resolve(answer);
      socket.destroy();
    };
    socket.setTimeout(probeTimeoutMs, () => end(false));
    socket.once("secureConnect", () => end(true));
    socket.on("error", () => end(false));
  });
}
