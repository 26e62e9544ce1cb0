import {
  StreamError,
  type Caller,
  type MessageSession,
  type MessageSessionHandlers,
} from "@millrace/core";
import { decodeCoordinatorMessage } from "@millrace/rpc";
import { expect, test } from "vitest";

import type { AccessControl } from "./access-control.ts";
import { guardService } from "./guard-service.ts";

const stranger: Caller = { peer: "h:1", host: "h", isEncrypted: true };
const refusal = new StreamError("unauthenticated", "who is it?", {
  domain: "user",
  retry: "never",
});

function setUp({ isAllowed }: { readonly isAllowed: boolean }) {
  const reached: string[] = [];
  const access: AccessControl = {
    checkSession: () => (isAllowed ? undefined : refusal),
    checkCall: () => {
      if (!isAllowed) throw refusal;
      return "holder";
    },
    checkRole: () => undefined,
  };
  const service = guardService(
    {
      onSession: () => void reached.push("session"),
      onCall: (method) => {
        reached.push(method);
        return Promise.resolve(new Uint8Array(0));
      },
    },
    access,
  );
  return { service, reached };
}

/** A session that notes what it is told. */
class NotedSession implements MessageSession {
  readonly peer = "h:1";
  readonly sent: Uint8Array[] = [];
  handlers: MessageSessionHandlers | undefined;
  isClosed = false;

  setHandlers(handlers: MessageSessionHandlers): void {
    this.handlers = handlers;
  }

  send(message: Uint8Array): void {
    this.sent.push(message);
  }

  bufferedBytes(): number {
    return 0;
  }

  close(): void {
    this.isClosed = true;
  }
}

test("SEC2, SEC3: what is refused reaches no service, by whatever way it came", async () => {
  const { service, reached } = setUp({ isAllowed: false });
  expect(() => service.admit?.({ method: "ListJobs" }, stranger)).toThrow("who is it?");
  expect(() => service.admit?.("session", stranger)).toThrow("who is it?");
  await expect(service.onCall("ListJobs", new Uint8Array(0), stranger)).rejects.toBe(refusal);
  // Of a network that has no moment before the session.
  const session = new NotedSession();
  service.onSession(session, stranger);
  const [told = new Uint8Array(0)] = session.sent;
  expect(decodeCoordinatorMessage(told)).toMatchObject({
    kind: "refused",
    failure: { code: "unauthenticated", message: "who is it?" },
  });
  expect(session.isClosed).toBe(true);
  session.handlers?.onMessage(new Uint8Array(1));
  expect(reached).toEqual([]);
});

test("what is allowed goes through", async () => {
  const { service, reached } = setUp({ isAllowed: true });
  service.admit?.({ method: "ListJobs" }, stranger);
  service.admit?.("session", stranger);
  await service.onCall("ListJobs", new Uint8Array(0), stranger);
  service.onSession(new NotedSession(), stranger);
  expect(reached).toEqual(["ListJobs", "session"]);
});
