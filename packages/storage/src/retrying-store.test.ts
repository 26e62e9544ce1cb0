import { StreamError, type Clock, type StreamErrorCode } from "@millrace/core";
import { describe, expect, test } from "vitest";

import { createMemoryObjectStore } from "./memory-store.ts";
import type { ObjectStore } from "./object-store.ts";
import { createRetryingObjectStore, type RetryingStoreOptions } from "./retrying-store.ts";

/** Time that jumps to the next timer as soon as nothing else is left to do. */
function createJumpingClock(): Clock & { readonly delays: number[] } {
  const timers: { atMs: number; callback: () => void }[] = [];
  const delays: number[] = [];
  let nowMs = 0;
  const jump = (): void => {
    const [next] = timers.toSorted((left, right) => left.atMs - right.atMs);
    if (next === undefined) return;
    timers.splice(timers.indexOf(next), 1);
    nowMs = next.atMs;
    next.callback();
  };
  return {
    delays,
    monotonicMs: () => nowMs,
    wallMs: () => nowMs,
    schedule(delayMs, callback) {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.push(timer);
      delays.push(delayMs);
      setImmediate(jump);
      return {
        [Symbol.dispose]: () => {
          const at = timers.indexOf(timer);
          if (at >= 0) timers.splice(at, 1);
        },
      };
    },
  };
}

function failure(code: StreamErrorCode, retry: "never" | "backoff"): StreamError {
  return new StreamError(code, `store says ${code}`, { domain: "external", retry });
}

const options = (over: Partial<RetryingStoreOptions> = {}): RetryingStoreOptions => ({
  clock: createJumpingClock(),
  random: { uint32: () => 2 ** 31 },
  ...over,
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function failing(times: number, error: StreamError, over: Partial<ObjectStore> = {}) {
  const store = createMemoryObjectStore();
  const seen = { calls: 0 };
  const wrapped: ObjectStore = {
    ...store,
    async put(name, parts) {
      seen.calls += 1;
      if (seen.calls <= times) throw error;
      await store.put(name, parts);
    },
    ...over,
  };
  return { store, wrapped, seen };
}

describe("an object store with retries", () => {
  test("tries again what fails with backoff, and waits longer each time", async () => {
    const waits: number[] = [];
    const { store, wrapped, seen } = failing(3, failure("unavailable", "backoff"));
    const patient = createRetryingObjectStore(
      wrapped,
      options({ onRetry: (_error, delayMs) => waits.push(delayMs) }),
    );
    await patient.put("a", [bytes("x")]);
    expect(seen.calls).toBe(4);
    expect(waits).toEqual([37.5, 75, 150]);
    expect(await store.stat("a")).toBe(1);
  });

  test("repeats a put whose outcome is unknown, which changes nothing (F11)", async () => {
    const { store, wrapped } = failing(0, failure("unavailable", "backoff"));
    let calls = 0;
    const patient = createRetryingObjectStore(
      {
        ...wrapped,
        async put(name, parts) {
          calls += 1;
          await store.put(name, parts);
          if (calls === 1) throw failure("unknown-outcome", "backoff");
        },
      },
      options(),
    );
    await patient.put("a", [bytes("same")]);
    expect(calls).toBe(2);
    expect(new TextDecoder().decode(await store.get("a"))).toBe("same");
  });

  test.each<[StreamErrorCode, "never" | "backoff"]>([
    ["not-found", "backoff"],
    ["folder-not-writable", "backoff"],
    ["access-denied", "backoff"],
    ["bucket-not-found", "backoff"],
    ["out-of-space", "backoff"],
    ["tls-failed", "backoff"],
    ["unavailable", "never"],
  ])("does not try %s with retry %s again", async (code, retry) => {
    const { wrapped, seen } = failing(9, failure(code, retry));
    const patient = createRetryingObjectStore(wrapped, options());
    await expect(patient.put("a", [])).rejects.toMatchObject({ code, retry: "never" });
    expect(seen.calls).toBe(1);
  });

  test("gives up at the deadline and names the call and the last failure", async () => {
    const { wrapped } = failing(Infinity, failure("unavailable", "backoff"));
    const patient = createRetryingObjectStore(wrapped, options({ deadlineMs: 1_000 }));
    await expect(patient.put("a", [])).rejects.toMatchObject({
      code: "deadline-exceeded",
      message: "put of object a did not succeed in 1000 ms; last failure: store says unavailable",
    });
  });

  test("asks again when the store never answers (F12)", async () => {
    const { store, wrapped } = failing(0, failure("unavailable", "backoff"));
    let calls = 0;
    const silent = new Promise<number>(() => {});
    await store.put("a", [bytes("xyz")]);
    const patient = createRetryingObjectStore(
      {
        ...wrapped,
        stat(name) {
          calls += 1;
          return calls === 1 ? silent : store.stat(name);
        },
      },
      options({ tryTimeoutMs: 100 }),
    );
    expect(await patient.stat("a")).toBe(3);
    expect(calls).toBe(2);
  });

  test("stops with the caller's reason when the caller aborts", async () => {
    const { wrapped } = failing(Infinity, failure("unavailable", "backoff"));
    const controller = new AbortController();
    const patient = createRetryingObjectStore(
      wrapped,
      options({ onRetry: () => controller.abort(new Error("enough")) }),
    );
    await expect(patient.put("a", [], controller.signal)).rejects.toThrow("enough");
  });

  test("callers of a store that fails together send first tries and the budget, no more (F10)", async () => {
    const { wrapped, seen } = failing(Infinity, failure("unavailable", "backoff"));
    const patient = createRetryingObjectStore(
      wrapped,
      options({ deadlineMs: 60_000, budget: { capacity: 5, perSecond: 2 } }),
    );
    const calls = Array.from({ length: 40 }, (_, index) => patient.put(`a${index}`, []));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
    // 40 first tries, 5 at once, 2 a second for 60 s; without the budget there are over 600.
    expect(seen.calls).toBeLessThanOrEqual(40 + 5 + 120);
    expect(seen.calls).toBeGreaterThan(40 + 100);
  });

  test("reads damaged bytes three times, then says that the object is damaged (F13)", async () => {
    const { wrapped } = failing(0, failure("unavailable", "backoff"));
    let reads = 0;
    const get = (): Promise<Uint8Array> => {
      reads += 1;
      return Promise.reject(failure("object-corrupt", "backoff"));
    };
    const patient = createRetryingObjectStore({ ...wrapped, get }, options());
    await expect(patient.get("a")).rejects.toMatchObject({
      code: "object-corrupt",
      retry: "never",
      message: "store says object-corrupt, in 3 reads",
    });
    expect(reads).toBe(3);
  });

  test("closing it ends the calls that wait (L5)", async () => {
    const never = new Promise<never>(() => {});
    const { wrapped } = failing(0, failure("unavailable", "backoff"), { list: () => never });
    const clock = { ...createJumpingClock(), schedule: () => ({ [Symbol.dispose]: () => {} }) };
    const patient = createRetryingObjectStore(wrapped, options({ clock }));
    const listed = patient.list("");
    await patient[Symbol.asyncDispose]();
    await expect(listed).rejects.toMatchObject({ code: "cancelled", retry: "never" });
  });
});
