import { StreamError, type ControlNetwork } from "@millrace/core";
import {
  decodeCallResponse,
  encodeCallRequest,
  type JobCalls,
  type JobMethod,
} from "@millrace/rpc";

/** Calls of the job service of one coordinator. */
export interface JobClient {
  /** Returns the answer; throws what the coordinator threw, or `coordinator-unreachable`. */
  call<Method extends JobMethod>(
    method: Method,
    request: JobCalls[Method]["request"],
    deadlineMs?: number,
  ): Promise<JobCalls[Method]["response"]>;
}

const defaultDeadlineMs = 10_000;

/** Returns a client for the coordinator at `host:port`; nothing is connected before a call. */
export function createJobClient(network: ControlNetwork, address: string): JobClient {
  return {
    call: async (method, request, deadlineMs = defaultDeadlineMs) => {
      const message = encodeCallRequest(method, request);
      try {
        return decodeCallResponse(
          method,
          await network.call(address, { method, message, deadlineMs }),
        );
      } catch (error) {
        if (!StreamError.is(error, "unavailable")) throw error;
        throw new StreamError("coordinator-unreachable", `no coordinator answers at ${address}`, {
          domain: "external",
          retry: "backoff",
          cause: error,
        });
      }
    },
  };
}
