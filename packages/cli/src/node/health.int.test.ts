import { toFailureData } from "@millrace/core";
import { expect, test, vi } from "vitest";

import { findPort } from "../dev/find-port.ts";
import { checkHealth } from "./check-health.ts";
import { serveHealth } from "./serve-health.ts";

const timeoutMs = 3_000;

async function failureOf(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error: unknown = await promise.then(
    () => expect.unreachable("it must fail"),
    (cause: unknown) => cause,
  );
  return toFailureData(error);
}

test("a process is ready while it says so, and live as long as it answers", async () => {
  const port = await findPort(0);
  let isServing = false;
  await using _health = await serveHealth(port, () => isServing);

  const refusal = await failureOf(checkHealth({ port, kind: "ready", timeoutMs }));
  expect(refusal.code).toBe("unavailable");
  expect(refusal.message).toContain("NOT_SERVING");
  await checkHealth({ port, kind: "live", timeoutMs });

  isServing = true;
  await vi.waitFor(() => checkHealth({ port, kind: "ready", timeoutMs }), { timeout: timeoutMs });
});

test("nobody is healthy at a port that nobody has, nor after the end", async () => {
  const port = await findPort(0);
  const health = await serveHealth(port, () => true);
  await checkHealth({ port, kind: "ready", timeoutMs });
  await health[Symbol.asyncDispose]();

  const refusal = await failureOf(checkHealth({ port, kind: "live", timeoutMs }));
  expect(refusal).toMatchObject({ code: "unavailable" });
  expect(refusal.message).toContain(`nobody answers at 127.0.0.1:${port}`);
});

test("SEC1: a port that another process has is refused by name, and none opens nothing", async () => {
  const port = await findPort(0);
  await using _first = await serveHealth(port, () => true);
  expect(await failureOf(serveHealth(port, () => true))).toMatchObject({ code: "port-in-use" });
  await using _none = await serveHealth(undefined, () => true);
});
