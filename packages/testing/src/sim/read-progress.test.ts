import { expect, test } from "vitest";

import { ReadProgress } from "./read-progress.ts";

test("all is read once the last reader of each split has read it (I1)", () => {
  const progress = new ReadProgress();
  progress.expect("numbers", "split-0");
  progress.expect("numbers", "split-1");
  const before = progress.onOpened("numbers", "split-0");
  progress.onOpened("numbers", "split-1")();
  expect(progress.isAllRead()).toBe(false);
  before();
  expect(progress.isAllRead()).toBe(true);

  const now = progress.onOpened("numbers", "split-0");
  before();
  expect(progress.isAllRead()).toBe(false);
  now();
  expect(progress.isAllRead()).toBe(true);
});
