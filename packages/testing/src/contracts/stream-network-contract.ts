import type { ByteStream, StreamHint, StreamNetwork } from "@millrace/core";
import { describe, expect, test } from "vitest";

export interface StreamNetworkSubject extends AsyncDisposable {
  readonly listening: StreamNetwork;
  readonly opening: StreamNetwork;
  readonly hint: StreamHint;
  /** Where nobody listens. */
  readonly emptyAddress: string;
}

type CreateSubject = () => Promise<StreamNetworkSubject>;

interface CollectedStream {
  bytes(): Uint8Array;
  readonly closed: Promise<Error | undefined>;
  readonly drained: Promise<void>;
  untilLength(length: number): Promise<void>;
}

function collect(stream: ByteStream): CollectedStream {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let wake: () => void = () => {};
  let drain: () => void = () => {};
  const drained = new Promise<void>((resolve) => {
    drain = resolve;
  });
  const closed = new Promise<Error | undefined>((resolve) => {
    stream.setHandlers({
      onData(chunk) {
        chunks.push(chunk);
        length += chunk.length;
        wake();
      },
      onDrain: () => drain(),
      onClose: resolve,
    });
  });
  return {
    closed,
    drained,
    bytes: () => Buffer.concat(chunks),
    untilLength: (wanted) =>
      new Promise((resolve) => {
        wake = (): void => {
          if (length >= wanted) resolve();
        };
        wake();
      }),
  };
}

/** Returns a pair of connected ends, and what closes their listener. */
async function connect(subject: StreamNetworkSubject): Promise<{
  readonly opened: ByteStream;
  readonly accepted: ByteStream;
  readonly listener: AsyncDisposable;
}> {
  let accept: (stream: ByteStream) => void = () => {};
  const accepting = new Promise<ByteStream>((resolve) => {
    accept = resolve;
  });
  const listener = await subject.listening.listenStreams(subject.hint, (stream) => accept(stream));
  const opened = subject.opening.openStream(listener.address);
  return { opened, accepted: await accepting, listener };
}

function pattern(length: number, start: number): Uint8Array {
  return Uint8Array.from({ length }, (_unused, index) => start + index * 7);
}

/** Describes what every stream network does; each test gets a fresh subject. */
export function describeStreamNetworkContract(name: string, createSubject: CreateSubject): void {
  describe(`${name} stream network`, () => {
    describeBytes(createSubject);
    describeStreamEnds(createSubject);
  });
}

function describeBytes(createSubject: CreateSubject): void {
  test("bytes arrive in order without gap, both ways, however they were cut", async () => {
    await using subject = await createSubject();
    const { opened, accepted, listener } = await connect(subject);
    await using _listener = listener;
    const lengths = [1, 0, 65_536, 3, 300_000, 12, ...Array.from({ length: 50 }, (_, at) => at)];
    const chunks = lengths.map((length, index) => pattern(length, index));
    const expected = Buffer.concat(chunks);
    const [here, there] = [collect(opened), collect(accepted)];
    opened.write(chunks.slice(0, 3).map((chunk) => chunk.slice()));
    for (const chunk of chunks.slice(3)) opened.write([chunk.slice()]);
    accepted.write(chunks.map((chunk) => chunk.slice()));
    await Promise.all([here, there].map((end) => end.untilLength(expected.length)));
    expect(Buffer.from(here.bytes()).equals(expected)).toBe(true);
    expect(Buffer.from(there.bytes()).equals(expected)).toBe(true);
    opened.destroy();
    accepted.destroy();
  });

  test("what arrives before the handlers are set is held", async () => {
    await using subject = await createSubject();
    const { opened, accepted, listener } = await connect(subject);
    await using _listener = listener;
    const here = collect(opened);
    opened.write([pattern(1_000, 1)]);
    accepted.write([pattern(10, 1)]);
    await here.untilLength(10);
    const there = collect(accepted);
    await there.untilLength(1_000);
    expect(Buffer.from(there.bytes()).equals(pattern(1_000, 1))).toBe(true);
    opened.destroy();
    accepted.destroy();
  });

  test("buffered bytes are counted, and their end is told as a drain", async () => {
    await using subject = await createSubject();
    const { opened, accepted, listener } = await connect(subject);
    await using _listener = listener;
    const [here, there] = [collect(opened), collect(accepted)];
    expect(opened.bufferedBytes()).toBe(0);
    const chunk = 4 * 2 ** 20;
    for (let round = 0; round < 4; round += 1) opened.write([new Uint8Array(chunk)]);
    expect(opened.bufferedBytes()).toBeGreaterThan(0);
    await there.untilLength(4 * chunk);
    await here.drained;
    expect(opened.bufferedBytes()).toBe(0);
    opened.destroy();
    accepted.destroy();
  });
}

function describeStreamEnds(createSubject: CreateSubject): void {
  test("an end comes after all bytes and is clean", async () => {
    await using subject = await createSubject();
    const { opened, accepted, listener } = await connect(subject);
    await using _listener = listener;
    collect(opened);
    const there = collect(accepted);
    opened.write([pattern(400_000, 3)]);
    opened.end();
    expect(await there.closed).toBeUndefined();
    expect(Buffer.from(there.bytes()).equals(pattern(400_000, 3))).toBe(true);
    accepted.destroy();
  });

  test("a destroyed end is seen at the other one", async () => {
    await using subject = await createSubject();
    const { opened, accepted, listener } = await connect(subject);
    await using _listener = listener;
    collect(opened);
    const there = collect(accepted);
    opened.destroy();
    await there.closed;
    expect(there.bytes()).toHaveLength(0);
    accepted.destroy();
  });

  test("a stream to nobody is closed with a cause, and writing to it is harmless", async () => {
    await using subject = await createSubject();
    const stream = subject.opening.openStream(subject.emptyAddress);
    stream.write([pattern(10, 0)]);
    expect(await collect(stream).closed).toBeInstanceOf(Error);
    stream.write([pattern(10, 0)]);
    stream.end();
    stream.destroy();
  });

  test("after a stream was closed nothing more is told", async () => {
    await using subject = await createSubject();
    const { opened, accepted, listener } = await connect(subject);
    await using _listener = listener;
    let ends = 0;
    const closed = new Promise<void>((resolve) => {
      accepted.setHandlers({
        onData: () => {},
        onDrain: () => {},
        onClose: () => {
          ends += 1;
          resolve();
        },
      });
    });
    collect(opened);
    opened.end();
    await closed;
    opened.destroy();
    accepted.destroy();
    const probe = await connect(subject);
    probe.opened.destroy();
    await collect(probe.accepted).closed;
    await probe.listener[Symbol.asyncDispose]();
    expect(ends).toBe(1);
  });
}
