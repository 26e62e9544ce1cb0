import {
  StreamError,
  type CallRequest,
  type ControlNetwork,
  type ControlService,
  type MessageSession,
} from "@millrace/core";
import { describe, expect, test } from "vitest";

export interface ControlNetworkSubject extends AsyncDisposable {
  /** What a server's process uses, and what a client's does. */
  readonly server: ControlNetwork;
  readonly client: ControlNetwork;
  /** Where `serve` chooses or has a free place. */
  readonly address: string;
  /** Where nobody serves. */
  readonly emptyAddress: string;
}

type CreateSubject = () => Promise<ControlNetworkSubject>;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (content: Uint8Array): string => new TextDecoder().decode(content);

interface CollectedSession {
  readonly messages: Uint8Array[];
  readonly closed: Promise<Error | undefined>;
  untilCount(count: number): Promise<void>;
}

function collect(session: MessageSession): CollectedSession {
  const messages: Uint8Array[] = [];
  let wake: () => void = () => {};
  const closed = new Promise<Error | undefined>((resolve) => {
    session.setHandlers({
      onMessage(message) {
        messages.push(message);
        wake();
      },
      onClose: resolve,
    });
  });
  return {
    messages,
    closed,
    untilCount: (count) =>
      new Promise((resolve) => {
        wake = (): void => {
          if (messages.length >= count) resolve();
        };
        wake();
      }),
  };
}

function serviceOf(over: Partial<ControlService>): ControlService {
  return {
    onSession: (session) => session.close(),
    onCall: (method, message) => Promise.resolve(bytes(`${method} ${text(message)}`)),
    ...over,
  };
}

/** Returns a service and the next session that it is given. */
function serviceWithSession(): {
  readonly service: ControlService;
  readonly accepted: Promise<MessageSession>;
} {
  let accept: (session: MessageSession) => void = () => {};
  const accepted = new Promise<MessageSession>((resolve) => {
    accept = resolve;
  });
  return { service: serviceOf({ onSession: (session) => accept(session) }), accepted };
}

const request = (over: Partial<CallRequest> = {}): CallRequest => ({
  method: "ListJobs",
  message: bytes("hello"),
  deadlineMs: 5_000,
  ...over,
});

/** Describes what every control network does; each test gets a fresh subject. */
export function describeControlNetworkContract(name: string, createSubject: CreateSubject): void {
  describe(`${name} control network`, () => {
    describeMessages(createSubject);
    describeManySessions(createSubject);
    describeSessionEnds(createSubject);
    describeAnswers(createSubject);
    describeCallFailures(createSubject);
    describeAddresses(createSubject);
  });
}

function describeMessages(createSubject: CreateSubject): void {
  test("messages arrive whole and in order, both ways, whatever their size", async () => {
    await using subject = await createSubject();
    const { service, accepted } = serviceWithSession();
    await using listener = await subject.server.serve(subject.address, service);
    const session = subject.client.openSession(listener.address);
    const received = collect(session);
    const sizes = [
      0,
      1,
      1_000_000,
      3,
      70_000,
      0,
      ...Array.from({ length: 200 }, (_, size) => size),
    ];
    const messages = sizes.map((size, index) => new Uint8Array(size).fill(index));
    for (const message of messages) session.send(message);
    const other = await accepted;
    const there = collect(other);
    for (const message of messages) other.send(message);
    await Promise.all([there.untilCount(sizes.length), received.untilCount(sizes.length)]);
    for (const { messages: arrived } of [there, received]) {
      expect(arrived.map(({ length }) => length)).toEqual(sizes);
      expect(arrived.every((message, index) => message.every((byte) => byte === index % 256))).toBe(
        true,
      );
    }
    session.close();
  });

  test("what was handed to send counts as buffered until it has left", async () => {
    await using subject = await createSubject();
    const { service, accepted } = serviceWithSession();
    await using listener = await subject.server.serve(subject.address, service);
    const session = subject.client.openSession(listener.address);
    collect(session);
    expect(session.bufferedBytes()).toBe(0);
    session.send(new Uint8Array(500_000));
    expect(session.bufferedBytes()).toBeGreaterThanOrEqual(500_000);
    await collect(await accepted).untilCount(1);
    expect(session.bufferedBytes()).toBeLessThan(500_000);
    session.close();
  });
}

function describeManySessions(createSubject: CreateSubject): void {
  test("sessions do not mix", async () => {
    await using subject = await createSubject();
    const echo = (session: MessageSession): void =>
      session.setHandlers({ onMessage: (message) => session.send(message), onClose: () => {} });
    await using listener = await subject.server.serve(
      subject.address,
      serviceOf({ onSession: echo }),
    );
    const sessions = [1, 2, 3].map(() => subject.client.openSession(listener.address));
    const received = sessions.map(collect);
    for (let round = 0; round < 20; round += 1) {
      for (const [index, session] of sessions.entries()) session.send(bytes(`${index}:${round}`));
    }
    await Promise.all(received.map((one) => one.untilCount(20)));
    const expected = sessions.map((_session, index) =>
      Array.from({ length: 20 }, (_unused, round) => `${index}:${round}`),
    );
    expect(received.map(({ messages }) => messages.map(text))).toEqual(expected);
    for (const session of sessions) session.close();
  });
}

function describeSessionEnds(createSubject: CreateSubject): void {
  test.each(["client", "server"] as const)(
    "what the %s sent before it closed arrives, then the end, and it is told nothing itself",
    async (closing) => {
      await using subject = await createSubject();
      const { service, accepted } = serviceWithSession();
      await using listener = await subject.server.serve(subject.address, service);
      const opened = subject.client.openSession(listener.address);
      opened.send(bytes("opening"));
      const acceptedSession = await accepted;
      const [closer, other] =
        closing === "client" ? [opened, acceptedSession] : [acceptedSession, opened];
      let ownEnds = 0;
      closer.setHandlers({ onMessage: () => {}, onClose: () => (ownEnds += 1) });
      const received = collect(other);
      closer.send(bytes("last words"));
      closer.close();
      closer.send(bytes("too late"));
      expect(await received.closed).toBeUndefined();
      expect(received.messages.map(text).at(-1)).toBe("last words");
      expect(ownEnds).toBe(0);
    },
  );

  test("a session with nobody at the other end is closed with a cause", async () => {
    await using subject = await createSubject();
    const session = subject.client.openSession(subject.emptyAddress);
    session.send(bytes("anybody?"));
    expect(await collect(session).closed).toBeInstanceOf(Error);
  });
}

function describeAnswers(createSubject: CreateSubject): void {
  test("a call answers with the service's bytes, concurrent ones each with their own", async () => {
    await using subject = await createSubject();
    await using listener = await subject.server.serve(subject.address, serviceOf({}));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_unused, index) =>
        subject.client.call(listener.address, request({ message: bytes(`${index}`) })),
      ),
    );
    expect(answers.map(text)).toEqual(
      Array.from({ length: 20 }, (_unused, index) => `ListJobs ${index}`),
    );
  });

  test("a bundle of 64 MiB can be submitted", async () => {
    await using subject = await createSubject();
    await using listener = await subject.server.serve(
      subject.address,
      serviceOf({ onCall: (_method, message) => Promise.resolve(bytes(`${message.length}`)) }),
    );
    const answer = await subject.client.call(
      listener.address,
      request({ method: "SubmitJob", message: new Uint8Array(65 * 2 ** 20), deadlineMs: 30_000 }),
    );
    expect(text(answer)).toBe(`${65 * 2 ** 20}`);
  });
}

function describeCallFailures(createSubject: CreateSubject): void {
  test("a failure arrives with code, message, domain and place", async () => {
    await using subject = await createSubject();
    const failure = {
      code: "user-function-failed",
      message: "map-3 threw: 😀 no such field",
      domain: "user",
      location: { subtask: "flights/1", operator: "map-3" },
    } as const;
    const fail = (): never => {
      const { code, message, domain, location } = failure;
      throw new StreamError(code, message, { domain, location, retry: "never" });
    };
    for (const onCall of [() => Promise.reject(catchOf(fail)), fail]) {
      await using listener = await subject.server.serve(subject.address, serviceOf({ onCall }));
      await expect(subject.client.call(listener.address, request())).rejects.toMatchObject(failure);
    }
  });

  test("a call that is not answered in time says so", async () => {
    await using subject = await createSubject();
    const never = (): Promise<Uint8Array> => new Promise(() => {});
    await using listener = await subject.server.serve(
      subject.address,
      serviceOf({ onCall: never }),
    );
    await expect(
      subject.client.call(listener.address, request({ deadlineMs: 50 })),
    ).rejects.toMatchObject({ code: "deadline-exceeded", retry: "backoff" });
  });

  test("a call to nobody is unavailable, and may be tried again", async () => {
    await using subject = await createSubject();
    await expect(subject.client.call(subject.emptyAddress, request())).rejects.toMatchObject({
      code: "unavailable",
      retry: "backoff",
    });
  });
}

function describeAddresses(createSubject: CreateSubject): void {
  test("an address that is taken is refused by name, and is free after its listener is gone", async () => {
    await using subject = await createSubject();
    const listener = await subject.server.serve(subject.address, serviceOf({}));
    const { address } = listener;
    await expect(subject.server.serve(address, serviceOf({}))).rejects.toMatchObject({
      code: "port-in-use",
      message: expect.stringContaining(address),
    });
    await listener[Symbol.asyncDispose]();
    await using again = await subject.server.serve(address, serviceOf({}));
    expect(text(await subject.client.call(again.address, request()))).toBe("ListJobs hello");
  });
}

function catchOf(fail: () => never): unknown {
  try {
    return fail();
  } catch (caught) {
    return caught;
  }
}
