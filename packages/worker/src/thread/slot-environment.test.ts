import { expect, test } from "vitest";

import { slotEnvironment } from "./slot-environment.ts";

const worker = {
  PATH: "/bin",
  LC_ALL: "C",
  AWS_ACCESS_KEY_ID: "canary",
  AWS_SECRET_ACCESS_KEY: "canary",
  AWS_SESSION_TOKEN: "canary",
  MILLRACE_ETCD_PASSWORD: "canary",
  MILLRACE_TLS_KEY: "canary",
  MILLRACE_TOKEN: "canary",
  KUBERNETES_SERVICE_HOST: "10.0.0.1",
  DATABASE_URL: "canary",
  path: "canary",
  HTTP_PROXY: "http://user:canary@proxy",
};

test("SEC4: of the worker's variables the author's functions see an allow-list", () => {
  expect(slotEnvironment(worker, [])).toEqual({ PATH: "/bin", LC_ALL: "C" });
});

test("SEC4: what the operator names is passed on, by its exact name", () => {
  expect(slotEnvironment(worker, ["DATABASE_URL", "AWS_", "ABSENT"])).toEqual({
    PATH: "/bin",
    LC_ALL: "C",
    DATABASE_URL: "canary",
  });
});
