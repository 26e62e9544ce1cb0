import { createSocketNetwork } from "@millrace/exchange";
import { createGrpcNetwork } from "@millrace/rpc";

import { describeControlNetworkContract } from "./control-network-contract.ts";
import { createSimControlSubject, createSimStreamSubject } from "./sim-subjects.ts";
import {
  describeStreamNetworkContract,
  type StreamNetworkSubject,
} from "./stream-network-contract.ts";

describeControlNetworkContract("gRPC", () => {
  const [server, client] = [createGrpcNetwork(), createGrpcNetwork()];
  return Promise.resolve({
    server,
    client,
    address: "127.0.0.1:0",
    emptyAddress: "127.0.0.1:1",
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  });
});

describeControlNetworkContract("simulated", createSimControlSubject);

function createSocketSubject(kind: "unix" | "tcp"): () => Promise<StreamNetworkSubject> {
  return () =>
    Promise.resolve({
      listening: createSocketNetwork(),
      opening: createSocketNetwork(),
      hint: { kind, host: "127.0.0.1" },
      emptyAddress: kind === "unix" ? "unix:/tmp/millrace-nobody.sock" : "tcp:127.0.0.1:1",
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
}

describeStreamNetworkContract("TCP", createSocketSubject("tcp"));
describeStreamNetworkContract("unix socket", createSocketSubject("unix"));
describeStreamNetworkContract("simulated", createSimStreamSubject);
