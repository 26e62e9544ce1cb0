import { sleep, StreamError, type Clock, type ControlNetwork } from "@millrace/core";
import {
  decodeCallResponse,
  encodeCallRequest,
  type JobCalls,
  type JobMethod,
} from "@millrace/rpc";

import { askWhoLeads, nobodyLeads, replyOfFailure, type CoordinatorReply } from "./find-leader.ts";

/** Calls of the job service of a cluster, whichever coordinator leads. */
export interface JobClient {
  /**
   * Returns the answer of the leader. Throws what it threw, or `coordinator-unreachable` when none
   * answers, or none has begun to lead within the deadline, or `unknown-outcome` when the leader was
   * lost during a call that must not be repeated.
   */
  call<Method extends JobMethod>(
    method: Method,
    request: JobCalls[Method]["request"],
    deadlineMs?: number,
  ): Promise<JobCalls[Method]["response"]>;
}

const defaultDeadlineMs = 10_000;
const firstWaitMs = 25;
const maxWaitMs = 250;

/** Whether a call may be made again when it may already have happened; each method must say so. */
const isRepeatable = {
  // The request's id tells a repetition from another submission (F3).
  SubmitJob: true,
  ListJobs: true,
  DescribeJob: true,
  // A job that is asked to end again ends as it was asked first.
  CancelJob: true,
  StopJob: true,
  ListCheckpoints: true,
  VerifyCheckpoints: true,
  ReadLogs: true,
  DescribeCluster: true,
} as const satisfies Record<JobMethod, boolean>;

/**
 * Returns a client of the cluster whose coordinators are at the addresses; nothing is connected before
 * a call. It remembers who led, and looks for the leader again when that one no longer does.
 */
export function createJobClient(
  network: ControlNetwork,
  addresses: readonly string[],
  clock: Clock,
): JobClient {
  const search = new LeaderSearch(network, addresses, clock);
  return {
    call: async (method, request, deadlineMs = defaultDeadlineMs) => {
      const message = encodeCallRequest(method, request);
      const endMs = clock.monotonicMs() + deadlineMs;
      for (;;) {
        const address = await search.find(endMs);
        try {
          const leftMs = Math.max(1, endMs - clock.monotonicMs());
          const answer = await network.call(address, { method, message, deadlineMs: leftMs });
          search.remember(address);
          return decodeCallResponse(method, answer);
        } catch (caught) {
          await search.lose(judge(method, address, StreamError.from(caught)), endMs);
        }
      }
    },
  };
}

/** Returns what the failure says of the coordinator; throws it on if the call must end with it. */
function judge(method: JobMethod, address: string, error: StreamError): CoordinatorReply {
  // It was the leader and went: what it was doing may have happened.
  if (error.code === "stale" || error.code === "cancelled") {
    return repeated(method, { kind: "waits", address, text: error.message }, error);
  }
  const reply = replyOfFailure(address, error);
  switch (reply.kind) {
    case "leads":
    case "waits":
      return reply;
    case "refuses":
      throw error;
    case "silent":
      if (error.code === "deadline-exceeded") throw error;
      return repeated(method, reply, error);
  }
}

function repeated(
  method: JobMethod,
  reply: CoordinatorReply,
  cause: StreamError,
): CoordinatorReply {
  if (isRepeatable[method]) return reply;
  throw new StreamError(
    "unknown-outcome",
    `${method} may have happened: the coordinator at ${reply.address} was lost meanwhile`,
    { domain: "external", retry: "never", cause },
  );
}

/**
 * Who leads, as far as is known.
 *
 * I1 With one address nobody is asked first: the call itself shows whether it leads.
 * I2 Of two that say that they lead, the one of the higher epoch does: the other was paused.
 * I3 While somebody answers, a leader is waited for until the deadline; if nobody does, it ends at once.
 */
class LeaderSearch {
  readonly #network: ControlNetwork;
  readonly #clock: Clock;
  readonly #addresses: readonly string[];
  /** Where standbys say that the leader is; not among the addresses. */
  #hint: string | undefined;
  #leader: string | undefined;
  #waitMs = firstWaitMs;

  constructor(network: ControlNetwork, addresses: readonly string[], clock: Clock) {
    this.#network = network;
    this.#addresses = addresses;
    this.#clock = clock;
  }

  remember(address: string): void {
    this.#leader = address;
    this.#waitMs = firstWaitMs;
  }

  async find(endMs: number): Promise<string> {
    const [only] = this.#addresses;
    if (this.#leader === undefined && this.#hint === undefined && this.#addresses.length === 1) {
      return only ?? "";
    }
    for (;;) {
      if (this.#leader !== undefined) return this.#leader;
      const candidates = new Set([...this.#addresses, ...(this.#hint ? [this.#hint] : [])]);
      const leftMs = Math.max(1, endMs - this.#clock.monotonicMs());
      const replies = await askWhoLeads(this.#network, [...candidates], leftMs);
      const leader = leaderAmong(replies);
      if (leader === undefined) await this.#goOn(replies, endMs);
      else this.#leader = leader;
    }
  }

  /** The coordinator did not do the call; returns when it is worth looking again. */
  async lose(reply: CoordinatorReply, endMs: number): Promise<void> {
    const hadOthers = this.#addresses.length > 1 || this.#hint !== undefined;
    this.#leader = undefined;
    if (reply.kind === "silent" && hadOthers && endMs > this.#clock.monotonicMs()) return;
    await this.#goOn([reply], endMs);
  }

  async #goOn(replies: readonly CoordinatorReply[], endMs: number): Promise<void> {
    const known = new Set([...this.#addresses, this.#hint]);
    const hints = replies.flatMap((reply) =>
      reply.kind === "waits" && reply.leaderAddress !== undefined ? [reply.leaderAddress] : [],
    );
    const hint = hints.find((address) => !known.has(address));
    const isAnyoneThere = replies.some(({ kind }) => kind === "waits");
    const isOver = this.#clock.monotonicMs() + this.#waitMs >= endMs;
    if (!isAnyoneThere || isOver) throw nobodyLeads(replies);
    if (hint !== undefined) {
      this.#hint = hint;
      return;
    }
    await sleep(this.#clock, this.#waitMs);
    this.#waitMs = Math.min(this.#waitMs * 2, maxWaitMs);
  }
}

function leaderAmong(replies: readonly CoordinatorReply[]): string | undefined {
  const leaders = replies.flatMap((reply) => (reply.kind === "leads" ? [reply] : []));
  const [newest] = leaders.toSorted((a, b) =>
    a.cluster.leaderEpoch > b.cluster.leaderEpoch ? -1 : 1,
  );
  return newest?.address;
}
