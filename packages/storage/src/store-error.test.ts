import { expect, test } from "vitest";

import { toStoreError } from "./store-error.ts";

const systemError = (code: string): Error => Object.assign(new Error(`${code}: made up`), { code });

test.each([
  ["ENOSPC", "out-of-space", "never", "the disk is full"],
  ["EDQUOT", "out-of-space", "never", "the disk is full"],
  ["EROFS", "folder-not-writable", "never", "check the folder"],
  ["EIO", "unavailable", "backoff", "check the folder"],
])("%s of a folder's disk is %s, retry %s (F20)", (system, code, retry, advice) => {
  expect(toStoreError("/data/a", systemError(system))).toMatchObject({
    code,
    retry,
    message: expect.stringContaining(advice),
  });
});

test("what no system call says is passed on", () => {
  const bug = new TypeError("x is not a function");
  expect(toStoreError("/data/a", bug)).toBe(bug);
});
