import { expect, test } from "vitest";

import { resolvePath } from "./resolve-path.ts";

test.each([
  ["out/delays", "/home/a/out/delays"],
  ["./out/", "/home/a/out"],
  ["../b", "/home/b"],
  ["/data/./x/../y", "/data/y"],
  ["../../../..", "/"],
])("%s resolves against the base directory to %s", (path, resolved) => {
  expect(resolvePath("/home/a", path)).toBe(resolved);
});
