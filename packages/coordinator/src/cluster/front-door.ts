import { StreamError, toFailureData, type MessageSession } from "@millrace/core";
import type { ElectionRecord } from "@millrace/metadata";
import { encodeCoordinatorMessage } from "@millrace/rpc";

import type { Leader } from "./leader.ts";

const maxEarlySessions = 1_024;

type Role =
  | { readonly kind: "starting" }
  | { readonly kind: "standby"; readonly leader: ElectionRecord }
  | { readonly kind: "leading"; readonly leader: Leader }
  | { readonly kind: "closed" };

/**
 * Where sessions and calls come in, by the role that this coordinator has.
 *
 * I1 While it is not known who leads, sessions are held (at most 1,024, S15), and calls refused.
 * I2 A standby refuses both with `unavailable` and says where the leader is.
 */
export class FrontDoor {
  #role: Role = { kind: "starting" };
  #early: MessageSession[] = [];

  standBy(leader: ElectionRecord): void {
    if (this.#role.kind === "closed") return;
    this.#role = { kind: "standby", leader };
    for (const session of this.#takeEarly()) this.accept(session);
  }

  /** Sessions that came early are the leader's first. */
  lead(leader: Leader): void {
    this.#role = { kind: "leading", leader };
    for (const session of this.#takeEarly()) leader.accept(session);
  }

  close(): void {
    this.#role = { kind: "closed" };
    for (const session of this.#takeEarly()) session.close();
  }

  accept(session: MessageSession): void {
    const role = this.#role;
    switch (role.kind) {
      case "leading":
        role.leader.accept(session);
        return;
      case "starting":
        if (this.#early.length < maxEarlySessions) this.#early.push(session);
        else session.close();
        return;
      case "standby":
        refuse(session, standsBy(role.leader));
        return;
      case "closed":
        session.close();
    }
  }

  answer(method: string, message: Uint8Array): Promise<Uint8Array> {
    const role = this.#role;
    if (role.kind === "leading") return role.leader.answer(method, message);
    return Promise.reject(role.kind === "standby" ? standsBy(role.leader) : notLeading());
  }

  #takeEarly(): readonly MessageSession[] {
    const early = this.#early;
    this.#early = [];
    return early;
  }
}

function refuse(session: MessageSession, error: StreamError): void {
  session.setHandlers({ onMessage: () => {}, onClose: () => {} });
  session.send(encodeCoordinatorMessage({ kind: "refused", failure: toFailureData(error) }));
  session.close();
}

function standsBy({ address }: ElectionRecord): StreamError {
  const message = `this coordinator stands by; the leader is ${address === "" ? "another one" : address}`;
  return new StreamError("unavailable", message, { domain: "external", retry: "backoff" });
}

function notLeading(): StreamError {
  return new StreamError("unavailable", "this coordinator does not lead (yet); try again", {
    domain: "external",
    retry: "backoff",
  });
}
